/** What is taken is what is kept: trace fields, content, recipients, queue. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { deliver, openMailStage, type MailStage } from '../mail-stage.ts'

const AUTH = 'AUTH PLAIN AGFubmFAaGVyZS50ZXN0AHNlc2FtZQ==\r\n'

async function submit(stage: MailStage, commands: string): Promise<string> {
  const peer = stage.connect('submissions')
  peer.send(`EHLO [192.0.2.1]\r\n${AUTH}${commands}QUIT\r\n`)
  return stage.rest(peer)
}

test('RFC 5321 §4.4: Return-Path and Received above the content, which stays as it was', async () => {
  const stage = await openMailStage()
  const content = 'From: s@far.test\r\nSubject: x\r\n\r\n.dots\r\n..\r\nтекст\r\n'
  await deliver(stage, content)
  const [text] = await stage.read(stage.anna)
  const trace = /id (\S+)\r\n/.exec(text!)![1]
  assert.equal(
    text,
    'Return-Path: <s@far.test>\r\n' +
      'Received: from x.test ([192.0.2.1])\r\n' +
      `\tby mail.here.test with ESMTP id ${trace}\r\n` +
      '\tfor <anna@here.test>;\r\n' +
      '\tMon, 5 Jan 2026 12:00:00 +0000\r\n' +
      content,
  )
  const accepted = stage.events.find(({ event }) => event === 'smtp.accepted')
  assert.equal(accepted?.['traceId'], trace)
  assert.equal(accepted?.['cid'], 'c1')
  assert.equal(accepted?.['sizeOctets'], Buffer.byteLength(content))
  await stage.stop()
})

test('several recipients: one message each, and no `for` that tells one of the other', async () => {
  const stage = await openMailStage()
  const peer = stage.connect('mx')
  peer.send('EHLO x.test\r\nMAIL FROM:<>\r\nRCPT TO:<anna@here.test>\r\nRCPT TO:<ask@here.test>\r\n')
  peer.send('RCPT TO:<bert+tag@here.test>\r\nDATA\r\nFrom: a@b.test\r\n\r\nx\r\n.\r\nQUIT\r\n')
  assert.match(await stage.rest(peer), /^250 2\.0\.0 Ok: kept/m)
  for (const account of [stage.anna, stage.bert]) {
    const texts = await stage.read(account)
    assert.equal(texts.length, 1)
    assert.match(texts[0]!, /^Return-Path: <>\r\n/)
    assert.doesNotMatch(texts[0]!, /\tfor </)
  }
  await stage.stop()
})

test('RFC 6409 §8: submission completes the header, hides Bcc, and queues what is foreign', async () => {
  const stage = await openMailStage()
  const said = await submit(
    stage,
    'MAIL FROM:<anna@here.test> RET=HDRS ENVID=e1\r\nRCPT TO:<b@far.test> NOTIFY=SUCCESS,FAILURE\r\nRCPT TO:<bert@here.test>\r\n' +
      'DATA\r\nFrom: Anna <anna@here.test>\r\nTo: b@far.test\r\nBcc: bert@here.test\r\n\r\nhello\r\n.\r\n',
  )
  assert.match(said, /^250 2\.0\.0 Ok: kept/m)
  const [text] = await stage.read(stage.bert)
  assert.match(text!, /^Received: from \[192\.0\.2\.1\]\r\n\tby mail\.here\.test with ESMTPSA id \S+\r\n\t\(TLSv1\.3 /m)
  assert.match(text!, /^Date: Mon, 0?5 Jan 2026 12:00:00 \+0000\r\n/m)
  assert.match(text!, /^Message-ID: <[^>]+@mail\.here\.test>\r\n/m)
  assert.doesNotMatch(text!, /^Bcc:/im)
  const [entry, ...more] = await stage.core.store.queue.list()
  assert.equal(more.length, 0)
  assert.equal(entry!.destination, 'far.test')
  assert.equal(entry!.senderVerified, true)
  assert.deepEqual(entry!.envelope.dsn, { ret: 'HDRS', envelopeId: 'e1' })
  assert.deepEqual(entry!.recipients[0]!.notify, ['success', 'failure'])
  await stage.stop()
})

test('mail from strangers that an alias sends on is queued without a right to DSNs (R22)', async () => {
  const stage = await openMailStage()
  await deliver(stage, 'From: s@far.test\r\n\r\nx\r\n', 'out@here.test')
  const [entry] = await stage.core.store.queue.list()
  assert.equal(entry!.recipients[0]!.address.localPart, 'someone')
  assert.equal(entry!.senderVerified, false)
  await stage.stop()
})

test('RFC 6152: content that is not 7-bit is queued as what it is', async () => {
  const stage = await openMailStage()
  for (const [content, body] of [
    ['plain', '7BIT'],
    ['пример', '8BITMIME'],
  ] as const) {
    const said = await submit(
      stage,
      `MAIL FROM:<anna@here.test>\r\nRCPT TO:<b@far.test>\r\nDATA\r\nFrom: anna@here.test\r\n\r\n${content}\r\n.\r\n`,
    )
    assert.match(said, /^250 2\.0\.0 Ok: kept/m)
    assert.equal((await stage.core.store.queue.list()).at(-1)!.envelope.body, body)
  }
  await stage.stop()
})

test('D6: only in one’s own name, in the envelope and in every author of From', async () => {
  const stage = await openMailStage()
  const answer = async (mail: string, header: string): Promise<string> => {
    const said = await submit(stage, `MAIL FROM:${mail}\r\nRCPT TO:<b@far.test>\r\nDATA\r\n${header}\r\n\r\nx\r\n.\r\n`)
    return /^(553|550|250) \d\.[67]\.\d|^250 2\.0\.0 Ok: kept/m.exec(said)?.[0] ?? said
  }
  const kept = '250 2.0.0 Ok: kept'
  const cases: readonly [mail: string, header: string, wanted: string][] = [
    ['<anna@here.test>', 'From: anna@here.test', kept],
    ['<ANNA+x@here.test>', 'From: "Anna" <anna+y@here.test>', kept],
    ['<ask@here.test>', 'From: ask@here.test', kept],
    ['<>', 'From: anna@here.test', kept],
    ['<anna@here.test>', 'From: anna@here.test, ask@here.test', kept],
    ['<anna@here.test>', 'From: "anna"@here.test', kept],
    ['<bert@here.test>', 'From: anna@here.test', '553 5.7.1'],
    ['<x@far.test>', 'From: anna@here.test', '553 5.7.1'],
    ['<anna@here.test>', 'From: bert@here.test', '550 5.7.1'],
    ['<anna@here.test>', 'From: anna@here.test, bert@here.test', '550 5.7.1'],
    ['<anna@here.test>', 'From: "anna@here.test" <bert@here.test>', '550 5.7.1'],
    ['<anna@here.test>', 'From: x: anna@here.test, bert@here.test;', '550 5.7.1'],
    ['<anna@here.test>', 'From: x:;', '550 5.7.1'],
    ['<anna@here.test>', 'From:', '550 5.7.1'],
    ['<anna@here.test>', 'From: anna@here.test\r\nFrom: anna@here.test', '550 5.6.0'],
    ['<anna@here.test>', 'Subject: x', '550 5.6.0'],
  ]
  for (const [mail, header, wanted] of cases) assert.equal(await answer(mail, header), wanted, `${mail} ${header}`)
  await stage.stop()
})

test('R21: at the 51st Received the loop ends', async () => {
  const stage = await openMailStage()
  const answer = async (count: number): Promise<string> => {
    const peer = stage.connect('mx')
    const hops = 'Received: from a by b; Mon, 5 Jan 2026 12:00:00 +0000\r\n'.repeat(count)
    peer.send(
      `HELO x.test\r\nMAIL FROM:<>\r\nRCPT TO:<anna@here.test>\r\nDATA\r\n${hops}From: a@b.test\r\n\r\n.\r\nQUIT\r\n`,
    )
    return stage.rest(peer)
  }
  assert.match(await answer(49), /^250 2\.0\.0 Ok: kept/m)
  assert.match(await answer(50), /^554 5\.4\.6 /m)
  await stage.stop()
})

test('SCRAM-SHA-256-PLUS over TLS, from the account’s stored keys', async () => {
  const { createHash, createHmac, pbkdf2Sync } = await import('node:crypto')
  const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const stage = await openMailStage()
  const attempt = async (password: string, bound: Buffer): Promise<string> => {
    const peer = stage.connect('submissions')
    await peer.line()
    peer.send('HELO x.test\r\n')
    await peer.line()
    const gs2 = 'p=tls-exporter,,'
    const bare = 'n=anna@here.test,r=clientnonce'
    peer.send(`AUTH SCRAM-SHA-256-PLUS ${Buffer.from(gs2 + bare).toString('base64')}\r\n`)
    const serverFirst = Buffer.from((await peer.line())!.slice(4), 'base64').toString()
    const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const withoutProof = `c=${Buffer.concat([Buffer.from(gs2), bound]).toString('base64')},r=${nonce}`
    const message = `${bare},${serverFirst},${withoutProof}`
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message)
    const proof = Buffer.from(clientKey.map((octet, i) => octet ^ signature[i]!)).toString('base64')
    peer.send(`${Buffer.from(`${withoutProof},p=${proof}`).toString('base64')}\r\n`)
    const answer = (await stage.hear(peer.line()))!
    if (!answer.startsWith('334 ')) return answer
    const verifier = hmac(hmac(salted, 'Server Key'), message).toString('base64')
    assert.equal(Buffer.from(answer.slice(4), 'base64').toString(), `v=${verifier}`)
    peer.send('\r\n')
    return (await peer.line())!
  }
  assert.match(await attempt('sesame', Buffer.alloc(32, 7)), /^235 /)
  assert.match(await attempt('wrong', Buffer.alloc(32, 7)), /^535 5\.7\.8/)
  assert.match(await attempt('sesame', Buffer.alloc(32, 8)), /^535 5\.7\.8/)
  const failed = stage.events.find(({ event }) => event === 'auth.failed')
  const { rip, proto, port, reason, user } = failed!
  assert.deepEqual(
    { rip, proto, port, reason, user },
    { rip: '192.0.2.1', proto: 'smtp', port: 465, reason: 'bad-password', user: 'anna@here.test' },
  )
  await stage.stop()
})
