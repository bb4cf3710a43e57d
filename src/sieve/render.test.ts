import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import type { Notify, Vacation } from './contract.ts'
import { renderNotification, renderVacation } from './render.ts'
import { addressOf, runScript } from './sieve.test-kit.ts'

const OPTIONS = { now: Date.UTC(2026, 10, 24, 10, 20, 30), messageId: '<new@example.com>' }

async function vacationOf(script: string): Promise<Vacation> {
  const { actions, error } = await runScript(`require "vacation"; ${script}`, {
    owner: { address: addressOf('owner@example.com'), aliases: [], name: 'Владелец, Х' },
  })
  const [action] = actions
  assert.ok(action?.do === 'vacation', String(error?.message))
  return action
}

test('an answer, as clients read it', async () => {
  const text = `Привет!\r\nЯ в отпуске = до понедельника. ${'Длинная строка. '.repeat(20)}\r\n`
  const octets = renderVacation(
    await vacationOf(`vacation :subject "Отпуск: ${'очень '.repeat(20)}" "${text}";`),
    OPTIONS,
  )
  const raw = octets.toString('latin1')
  assert.match(raw, /^[\t\r\n -~]*$/, 'ASCII')
  for (const line of raw.split('\r\n')) assert.ok(line.length <= 78, line)
  const mail = await simpleParser(octets)
  assert.equal(mail.from?.text, '"Владелец, Х" <owner@example.com>')
  assert.equal(mail.subject, `Отпуск: ${'очень '.repeat(20)}`.trim())
  assert.equal(mail.text?.trimEnd(), text.replaceAll('\r\n', '\n').trimEnd())
  assert.equal(mail.inReplyTo, '<1@x>')
  assert.equal(mail.messageId, '<new@example.com>')
  assert.equal(mail.date?.getTime(), OPTIONS.now)
  assert.equal(mail.headers.get('auto-submitted'), 'auto-replied')
  assert.equal(Array.isArray(mail.to) ? null : mail.to?.text, 'sender@example.org')
})

test('an ASCII answer is sent as it is', async () => {
  const raw = renderVacation(await vacationOf('vacation "Away.\r\n.\r\nBye";'), OPTIONS).toString('latin1')
  assert.ok(raw.endsWith('Content-Transfer-Encoding: 7bit\r\n\r\nAway.\r\n.\r\nBye\r\n'), raw)
})

test('a MIME entity: its form is kept, other headers are not', async () => {
  const script = `vacation :mime "From: ceo@example.org
Content-Type: multipart/alternative;
 boundary=foo
X-Evil: yes

--foo

one
--foo
Content-Type: text/html; charset=utf-8

<b>привет</b>
--foo--
";`
  const octets = renderVacation(await vacationOf(script), OPTIONS)
  const mail = await simpleParser(octets)
  assert.equal(mail.text?.trim(), 'one')
  assert.match(String(mail.html), /привет/)
  const raw = octets.toString('utf8')
  assert.equal(raw.match(/^From:/gm)?.length, 1)
  assert.doesNotMatch(raw, /Evil|ceo@/)
  assert.match(raw, /Content-Transfer-Encoding: 8bit/)
})

test('nothing that a letter holds comes to be a header', async () => {
  const script = `require "variables"; if header :matches "subject" "*" { vacation :subject "Re: \${1}
Bcc: victim@example.net" "x"; }`.replace('require "variables"; ', '')
  const { actions } = await runScript(
    `require ["vacation", "variables"]; ${script}`,
    {},
    'To: owner@example.com\r\nSubject: =?utf-8?Q?a=0D=0ABcc:_evil@example.net?=\r\n\r\n',
  )
  const [action] = actions
  assert.ok(action?.do === 'vacation')
  const raw = renderVacation(action, OPTIONS).toString('utf8')
  assert.doesNotMatch(raw, /^Bcc/im)
})

test('a notification', async () => {
  const script = `require "enotify"; notify :importance "1" :message "Новое письмо" "mailto:a@example.org?cc=b@example.org&bcc=c@example.org&x-tag=1&body=text%0D%0Aline";`
  const { actions } = await runScript(script)
  const action = actions[0] as Notify
  assert.deepEqual(action.bcc, [addressOf('c@example.org')])
  const octets = renderNotification(action, addressOf('owner@example.com'), OPTIONS)
  const raw = octets.toString('latin1')
  assert.ok(raw.startsWith('Auto-Submitted: auto-notified; owner-email="owner@example.com"\r\n'), 'above all others')
  assert.doesNotMatch(raw, /c@example\.org/)
  assert.match(raw, /\r\nX-tag: 1\r\n/)
  assert.match(raw, /\r\nImportance: high\r\n/)
  const mail = await simpleParser(octets)
  assert.equal(mail.subject, 'Новое письмо')
  assert.equal(mail.text, 'text\nline\n')
})
