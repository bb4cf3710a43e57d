/** Letters between two servers that sign what they send and look at what comes in, and letters of those who pretend. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { createTransport } from 'nodemailer'
import type { AccountRef } from '../src/core/contract.ts'
import { createScanner } from '../src/format/message/scan.ts'
import { BODY_IN_MEMORY_MAX_OCTETS } from '../src/model/limits.ts'
import { eventually, openWorld, type World } from './world.ts'

/** One letter on port 25 from an address of loopback, as anybody may say it. @returns the reply to the dot */
async function bring(
  world: World,
  letter: { from?: string; helo?: string; content: string; localAddress?: string },
): Promise<string> {
  const { from = '', helo = 'mail.east.test', content, localAddress = '127.0.1.1' } = letter
  const socket = connect({ host: world.west.address, port: world.west.port('mx'), localAddress })
  socket.setEncoding('latin1')
  let said = ''
  const reply = async (): Promise<string> => {
    for (;;) {
      const end = /^\d{3} .*\r\n/m.exec(said)
      if (end !== null) {
        const whole = said.slice(0, end.index + end[0].length)
        said = said.slice(whole.length)
        return whole
      }
      said += await new Promise<string>((resolve, reject) => {
        socket.once('data', (text) => resolve(String(text)))
        socket.once('error', reject)
      })
    }
  }
  await reply()
  for (const line of [`EHLO ${helo}`, `MAIL FROM:<${from}>`, 'RCPT TO:<bert@west.test>', 'DATA']) {
    socket.write(`${line}\r\n`)
    await reply()
  }
  socket.write(`${content}\r\n.\r\n`)
  const answer = await reply()
  socket.destroy()
  return answer
}

const letter = (from: string, subject: string): string => `From: ${from}\r\nSubject: ${subject}\r\n\r\nHello`

suite('what strangers bring is looked at', () => {
  let world: World
  let bert: AccountRef
  before(async () => {
    world = await openWorld({ authenticated: true })
    await world.east.addAccount('anna')
    bert = await world.west.addAccount('bert')
  })
  after(async () => world[Symbol.asyncDispose]())

  const arrived = (subject: string, mailbox = 'INBOX'): Promise<string> =>
    eventually(`"${subject}" in ${mailbox}`, async () => {
      const texts = await world.west.read(bert, mailbox)
      return texts.find((text) => text.includes(`Subject: ${subject}`)) ?? null
    })

  test('a letter that is signed by its server passes everything, small and large', async () => {
    const transport = createTransport({
      host: world.east.address,
      port: world.east.port('submission'),
      requireTLS: true,
      auth: { user: 'anna@east.test', pass: 'sesame' },
      tls: { ca: await readFile(world.caFile, 'utf8') },
    })
    for (const [subject, size] of [
      ['small', 100],
      ['large', 2 * BODY_IN_MEMORY_MAX_OCTETS],
    ] as const) {
      await transport.sendMail({
        from: 'anna@east.test',
        to: 'bert@west.test',
        subject,
        text: 'Привет \n'.repeat(size / 8),
      })
      const text = await arrived(subject)
      assert.match(
        text,
        /^Return-Path: <anna@east\.test>\r\nAuthentication-Results: mail\.west\.test;\r\n\tdmarc=pass\r\n\t header\.from=east\.test;\r\n\tspf=pass \(ip4:127\.0\.0\.1 of east\.test\)\r\n\t smtp\.mailfrom=anna@east\.test;/,
      )
      assert.equal(text.match(/dkim=pass\r\n\t header\.d=east\.test/g)?.length, 2)
      assert.equal(text.match(/^DKIM-Signature: /gm)?.length, 2)
      assert.match(text, /^X-Spam-Status: No, score=1 /m) // Nothing leads back to the address of loopback.
      for (const line of text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')) assert.ok(line.length <= 100, line)
    }
    transport.close()
  })

  test('another’s domain in From: refused, as that domain asks', async () => {
    const answer = await bring(world, {
      from: 'eve@evil.test',
      content: letter('anna@east.test', 'forged'),
      localAddress: '127.0.1.9',
    })
    assert.match(answer, /^550 5\.7\.26 east\.test asks to refuse/)
    const refused = world.west.events.find(({ event, to }) => event === 'screening.verdict' && to === 'refused')
    assert.deepEqual([refused?.['dmarc'], refused?.['from']], ['fail', 'east.test'])
  })

  test('a domain that asks for less: into Junk, with the reasons, and nobody is answered', async () => {
    world.zone['_dmarc.soft.test'] = { TXT: ['v=DMARC1; p=quarantine'] }
    assert.match(await bring(world, { from: 'x@soft.test', content: letter('x@soft.test', 'soft') }), /^250 /)
    const text = await arrived('soft', 'Junk')
    assert.match(text, /dmarc=fail \(p=quarantine\)/)
    assert.match(text, /^X-Spam-Status: Yes, score=6 required=5;\r\n\tdmarc 6: soft\.test does not stand for it/m)
  })

  test('without DMARC, SPF that fails and an address without a name are enough', async () => {
    world.zone['plain.test'] = { TXT: ['v=spf1 -all'] }
    const content = letter('x@plain.test', 'plain')
    assert.match(await bring(world, { from: 'x@plain.test', content, localAddress: '127.0.1.9' }), /^250 /)
    const text = await arrived('plain', 'Junk')
    assert.match(text, /spf=fail \(-all of plain\.test\)/)
    assert.match(text, /iprev=fail/)
  })

  test('an address that is on a list', async () => {
    world.zone['9.1.0.127.dnsbl.test'] = { A: ['127.0.0.4'] }
    world.zone['1.1.0.127.dnsbl.test'] = { A: ['127.255.255.254'] }
    const content = letter('x@listed.test', 'listed')
    await bring(world, { from: 'x@listed.test', content, localAddress: '127.0.1.9' })
    assert.match(await arrived('listed', 'Junk'), /dnsbl 6: 127\.0\.1\.9 is listed at dnsbl\.test \(127\.0\.0\.4\)/)
    await bring(world, { from: 'x@listed.test', content: letter('x@listed.test', 'not listed') })
    await arrived('not listed')
    assert.ok(world.west.events.some(({ event, zone }) => event === 'screening.dnsbl.refused' && zone === 'dnsbl.test'))
    delete world.zone['9.1.0.127.dnsbl.test']
  })

  test('RFC 8601 §5: what a stranger says in our name is taken away, and nothing else', async () => {
    const forged =
      'Authentication-Results: mail.west.test;\r\n dmarc=pass header.from=east.test\r\n' +
      'Authentication-Results: (x) "MAIL.west.test" 1; spf=pass smtp.mailfrom=a@b.test\r\n' +
      'Authentication-Results: other.test; dkim=pass header.d=other.test\r\n' +
      'x-spam-status: No, score=-100\r\n'
    await bring(world, { from: 'x@free.test', content: forged + letter('x@free.test', 'results') })
    const text = await arrived('results')
    assert.deepEqual(
      [...text.matchAll(/^Authentication-Results: (\S+);/gm)].map(([, name]) => name),
      ['mail.west.test', 'other.test'],
    )
    assert.match(text, /dmarc=none/)
    assert.doesNotMatch(text, /score=-100/)
  })

  test('DNS that does not answer refuses nobody', async () => {
    world.zone['mute.test'] = { TXT: 'failed' }
    world.zone['_dmarc.mute.test'] = { TXT: 'failed' }
    await bring(world, { from: 'x@mute.test', content: letter('x@mute.test', 'mute') })
    const text = await arrived('mute')
    assert.match(text, /dmarc=temperror/)
    assert.match(text, /spf=temperror/)
  })

  test('the null sender: the name given at EHLO', async () => {
    world.zone['mail.east.test'] = { ...world.zone['mail.east.test'], TXT: ['v=spf1 a -all'] }
    await bring(world, { content: letter('mailer-daemon@mail.east.test', 'bounce') })
    const text = await arrived('bounce')
    assert.match(text, /iprev=pass \(mail\.east\.test\)/)
    assert.match(text, /spf=pass \(a of mail\.east\.test\)\r\n\t smtp\.helo=mail\.east\.test/)
  })

  suite('S9: who a letter is from', () => {
    // None of these may come to a dmarc=pass for east.test: the visitor has no right to it. He has one to free.test, and what
    // passes for that shows nobody else: the domain that is checked is the one that ENVELOPE names.
    before(() => {
      world.zone['free.test'] = { TXT: ['v=spf1 ip4:127.0.1.9 -all'] }
      world.zone['_dmarc.free.test'] = { TXT: ['v=DMARC1; p=reject'] }
    })
    const passed: string[] = []
    after(() => assert.equal(passed.length, 3, passed.join(' ')))
    const forms: readonly string[] = [
      'From: anna@east.test',
      'From: "x@other.test" <anna@east.test>',
      'From: <anna@east.test> (x@free.test)',
      'From: x@free.test (anna@east.test)',
      'From: (x@free.test) anna@east.test',
      'From: anna@east.test, x@free.test',
      'From: x@free.test, anna@east.test',
      'From: x@free.test; anna@east.test',
      'From: group: anna@east.test, x@free.test;',
      'From: group: ;',
      'From: <@free.test:anna@east.test>',
      'From: <@free.test,@other.test:anna@east.test>',
      'From: "anna@east.test"@free.test',
      'From: anna@east.test@free.test',
      'From: <anna@east.test>x@free.test',
      'From: <anna@east.test><x@free.test>',
      'From: x@free.test <anna@east.test',
      'From : anna@east.test',
      'From:\r\n anna@east.test',
      'From: anna@\r\n east.test',
      'From: anna @ east . test',
      'From: anna@east.test.',
      'From: anna@EAST.TEST',
      'From: =?utf-8?q?anna=40east.test?= <x@free.test>',
      'From: =?utf-8?q?=3Canna=40east.test=3E?=',
      'From: =?utf-8?b?YW5uYUBlYXN0LnRlc3Q=?=',
      'From: anna@east.test\r\nFrom: x@free.test',
      'From: x@free.test\r\nFrom: anna@east.test',
      'From: x@free.test\r\nfrom: anna@east.test',
      'From: x@free.test\r\nFROM : anna@east.test',
      'Sender: x@free.test\r\nFrom: anna@east.test',
      'Resent-From: x@free.test\r\nFrom: anna@east.test',
      'X: y',
      'From:',
      'From: anna',
      'From: anna@[127.0.1.1]',
      'From: anna@еast.test',
      'From: anna@east.test\t',
      'From: anna@e\x00ast.test',
      'From: anna@east。test',
      'From: "anna" "<x@free.test>" <anna@east.test>',
      'From: undisclosed <anna@east.test>, (comment (nested) <x@free.test>)',
    ]
    for (const [index, form] of forms.entries()) {
      test(form.replaceAll('\r\n', '⏎'), async () => {
        const content = `${form}\r\nSubject: form ${index}.\r\n\r\nHello`
        const answer = await bring(world, {
          from: 'x@free.test',
          helo: 'free.test',
          content,
          localAddress: '127.0.1.9',
        })
        assert.doesNotMatch(answer, /^4/)
        if (!answer.startsWith('250')) return
        const all = [...(await world.west.read(bert)), ...(await world.west.read(bert, 'Junk'))]
        const text = all.find((each) => each.includes(`Subject: form ${index}.`)) ?? ''
        assert.match(text, /^Return-Path: <x@free\.test>\r\nAuthentication-Results: mail\.west\.test;\r\n\tdmarc=/)
        const [, domain] = /dmarc=pass\r\n\t header\.from=([^;]+);/.exec(text) ?? []
        if (domain === undefined) {
          assert.doesNotMatch(text.slice(0, text.indexOf('Received:')), /dmarc=pass/)
          return
        }
        passed.push(form)
        assert.equal(domain, 'free.test')
        const scanner = createScanner()
        scanner.push(Buffer.from(text, 'latin1'))
        const { from } = scanner.finish().summary.header
        assert.deepEqual([...new Set(from.map(({ host }) => host?.toLowerCase()))], [domain])
      })
    }
  })
})
