/** S1: nobody relays through us who has not logged in, however the recipient is spelt. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { openMailStage, type MailStage } from '../mail-stage.ts'

const SENDERS = { local: '<anna@here.test>', foreign: '<x@far.test>', null: '<>' } as const

/** What each spelling comes to for whom nobody knows. */
const RECIPIENTS: readonly [spelling: string, path: string, code: RegExp][] = [
  ['local', '<bert@here.test>', /^250 2\.1\.5/],
  ['foreign', '<b@far.test>', /^550 5\.7\.1/],
  ['percent', '<b%far.test@here.test>', /^550 5\.1\.1/],
  ['percent, encoded', '<b%40far.test@here.test>', /^550 5\.1\.1/],
  ['bang', '<far.test!b@here.test>', /^550 5\.1\.1/],
  ['source route through us', '<@here.test:b@far.test>', /^550 5\.7\.1/],
  ['source route through us twice', '<@here.test,@mail.here.test:b@far.test>', /^550 5\.7\.1/],
  ['quoted address', '<"b@far.test"@here.test>', /^550 5\.1\.1/],
  ['quoted at us', '<"b@far.test">', /^501 5\.1\.3/],
  ['literal', '<b@[192.0.2.2]>', /^550 5\.7\.1/],
  ['loopback literal', '<b@[127.0.0.1]>', /^550 5\.7\.1/],
  ['IPv6 literal', '<b@[IPv6:::1]>', /^550 5\.7\.1/],
  ['quoted', '<"b"@far.test>', /^550 5\.7\.1/],
  ['UTF-8', '<б@far.test>', /^550 5\.7\.1/],
  ['UTF-8 domain', '<b@дом.test>', /^550 5\.7\.1/],
  ['final dot', '<b@far.test.>', /^501 5\.1\.3/],
  ['two at signs', '<b@far.test@here.test>', /^501 5\.1\.3/],
  ['subdomain', '<anna@sub.here.test>', /^550 5\.7\.1/],
  ['SRS, not ours', '<SRS0=AAAAAAAA=AA=far.test=b@here.test>', /^550 5\.1\.1/],
  ['SRS, at the host', '<SRS0=AAAAAAAA=AA=far.test=b@mail.here.test>', /^550 5\.1\.1/],
  ['SRS, another hash', '<srs0=ABCD=2A=far.test=b@here.test>', /^550 5\.1\.1/],
  ['SRS, twice', '<SRS1=AAAAAAAA=far.test==AAAA=AA=x.test=b@here.test>', /^550 5\.1\.1/],
  ['SRS, half', '<SRS0=b@here.test>', /^550 5\.1\.1/],
  ['NUL', '<b@far.test\0@here.test>', /^500 5\.5\.2/],
]

/** The answer to RCPT, on a connection of its own. */
async function rcpt(stage: MailStage, service: 'mx' | 'submissions', mail: string, path: string): Promise<string> {
  const peer = stage.connect(service)
  await peer.line()
  for (const command of ['HELO x.test', `MAIL FROM:${mail} SMTPUTF8`, `RCPT TO:${path}`]) {
    peer.send(`${command}\r\n`)
    const answer = (await peer.line())!
    if (command.startsWith('RCPT') || !answer.startsWith('250')) {
      peer.end()
      return answer
    }
  }
  return ''
}

test('S1: 25 relays for nobody', async () => {
  const stage = await openMailStage()
  let cases = 0
  for (const [sender, mail] of Object.entries(SENDERS)) {
    for (const [spelling, path, code] of RECIPIENTS) {
      assert.match(await rcpt(stage, 'mx', mail, path), code, `${spelling} from ${sender}`)
      cases++
    }
  }
  assert.ok(cases >= 36)
  assert.equal((await stage.core.store.queue.list()).length, 0)
  await stage.stop()
})

test('S1: 587 and 465 take no sender without AUTH', async () => {
  const stage = await openMailStage()
  for (const mail of Object.values(SENDERS)) {
    for (const [spelling, path] of RECIPIENTS) {
      assert.match(await rcpt(stage, 'submissions', mail, path), /^530 5\.7\.0 Authentication required/, spelling)
    }
  }
  const clear = stage.connect('submission')
  clear.send('HELO x.test\r\nMAIL FROM:<anna@here.test>\r\nRCPT TO:<b@far.test>\r\nDATA\r\nQUIT\r\n')
  assert.match(await stage.rest(clear), /^530 5\.7\.0 Must issue a STARTTLS command first\r\n503 [^\r]*\r\n503 /m)
  await stage.stop()
})

test('S1: with AUTH, tricks with the local part still go nowhere else', async () => {
  const stage = await openMailStage()
  const peer = stage.connect('submissions')
  peer.send('HELO x.test\r\nAUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==\r\nMAIL FROM:<anna@here.test>\r\n')
  peer.send('RCPT TO:<b@far.test>\r\nRCPT TO:<b%far.test@here.test>\r\nRCPT TO:<far.test!b@here.test>\r\nQUIT\r\n')
  const answers = (await stage.rest(peer)).split('\r\n')
  assert.deepEqual(
    answers.map((line) => line.slice(0, 9)),
    ['220 mail.', '250 mail.', '235 2.7.0', '250 2.1.0', '250 2.1.5', '550 5.1.1', '550 5.1.1', '221 2.0.0', ''],
  )
  await stage.stop()
})
