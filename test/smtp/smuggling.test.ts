/** S2: an end of data that only one of two servers sees is a second message. None is ever taken. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { openMailStage, type MailStage } from '../mail-stage.ts'

const ENDINGS = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r\n.\r',
  '\n.\r',
  '\r.\r\n',
  '\r.\n',
  '\r\r\n.\r\r\n',
  '\r\n.\r\r\n',
  '\n\n.\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n\0\n.\r\n',
]

const SMUGGLED =
  'MAIL FROM:<evil@far.test>\r\nRCPT TO:<bert@here.test>\r\nDATA\r\nFrom: ceo@here.test\r\n\r\nsmuggled\r\n.\r\n'

async function send(stage: MailStage, chunks: readonly string[]): Promise<string> {
  const peer = stage.connect('mx')
  peer.send('EHLO far.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<anna@here.test>\r\n')
  for (const chunk of chunks) peer.send(chunk)
  peer.send('QUIT\r\n')
  return stage.rest(peer)
}

test('S2: DATA, each ending, split at each octet: one message or none', async () => {
  const stage = await openMailStage()
  for (const ending of ENDINGS) {
    const shown = JSON.stringify(ending)
    const content = `From: a@far.test\r\n\r\nfirst${ending}${SMUGGLED}`
    const at = content.indexOf(ending)
    for (let split = at; split <= at + ending.length; split++) {
      const said = await send(stage, ['DATA\r\n', content.slice(0, split), content.slice(split)])
      const clean = ending.replaceAll('\r\n', '').replaceAll('\0', '').replaceAll('.', '') === ''
      if (!clean) assert.match(said, /^550 5\.6\.0 Bare CR or LF/m, `${shown} split at ${split}`)
      // Without the smuggled transaction's answers: 354 once, and 221 only where the session went on.
      assert.equal(said.match(/^354 /gm)?.length, 1, `${shown} split at ${split}`)
      assert.equal(/^221 /m.test(said), clean, `${shown} split at ${split}`)
    }
    const said = await send(stage, ['DATA\r\n', ...content.split('')])
    assert.equal(said.match(/^354 /gm)?.length, 1, `${shown} by octets`)
  }
  assert.deepEqual(await stage.read(stage.bert), [])
  await stage.stop()
})

test('S2: BDAT, each ending', async () => {
  const stage = await openMailStage()
  for (const ending of ENDINGS) {
    const content = `From: a@far.test\r\n\r\nfirst${ending}${SMUGGLED}`
    const said = await send(stage, [`BDAT ${content.length} LAST\r\n`, content])
    const clean = ending.replaceAll('\r\n', '').replaceAll('\0', '').replaceAll('.', '') === ''
    assert.equal(/^550 5\.6\.0 Bare/m.test(said), !clean, JSON.stringify(ending))
    assert.doesNotMatch(said, /^354 /m)
  }
  assert.deepEqual(await stage.read(stage.bert), [])
  await stage.stop()
})

test('S2: a command line may not hide another', async () => {
  const stage = await openMailStage()
  const peer = stage.connect('mx')
  peer.send('EHLO x\nMAIL FROM:<a@far.test>\r\nHELO x\rMAIL FROM:<a@far.test>\r\nNOOP\0\r\nQUIT\r\n')
  const said = (await stage.rest(peer)).split('\r\n')
  assert.deepEqual(
    said.map((line) => line.slice(0, 9)),
    ['220 mail.', '500 5.5.2', '503 5.5.1', '500 5.5.2', '500 5.5.2', '221 2.0.0', ''],
  )
  await stage.stop()
})
