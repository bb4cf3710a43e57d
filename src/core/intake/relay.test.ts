import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DsnNotify, Envelope } from '../../model/envelope.ts'
import { QUEUE_DSN_LIFETIME_MS, QUEUE_LIFETIME_MS } from '../../model/limits.ts'
import type { ForeignTarget } from '../directory/routes.ts'
import { at } from '../testing/test-directory.ts'
import { createRelayPlan } from './relay.ts'

const ENVELOPE: Omit<Envelope, 'recipients'> = {
  reversePath: at('sender@away.test'),
  body: '8BITMIME',
  smtputf8: false,
  requireTls: false,
  dsn: { ret: 'HDRS', envelopeId: 'E1' },
}
const NOW = 1_000_000

const direct = (address: string): ForeignTarget => ({ address: at(address), forwarded: false, split: false })
const drafts = (plan: ReturnType<typeof createRelayPlan>, envelope = ENVELOPE) =>
  plan.drafts({ envelope, skipOctets: 30, now: NOW, senderVerified: true })

test('one draft per destination domain, however it is spelt; each address once', () => {
  const plan = createRelayPlan()
  for (const address of [
    'a@there.test',
    'b@other.test',
    'b@there.test',
    'a@there.test',
    'A@there.test',
    'x@[192.0.2.1]',
  ]) {
    plan.add({ address: at(address) }, direct(address))
  }
  plan.add({ address: at('i@пример.test') }, direct('i@пример.test'))
  plan.add({ address: at('i@xn--e1afmkfd.test') }, direct('i@xn--e1afmkfd.test'))
  const shown = drafts(plan).map(({ destination, recipients }) => [
    destination,
    recipients.map(({ address }) => address.localPart).join(' '),
  ])
  assert.deepEqual(shown, [
    ['there.test', 'a b A'],
    ['other.test', 'b'],
    ['[192.0.2.1]', 'x'],
    ['xn--e1afmkfd.test', 'i'],
  ])
})

test('the envelope goes along with the original reverse path, due at once', () => {
  const plan = createRelayPlan()
  plan.add(
    { address: at('a@there.test'), notify: ['success'], originalRecipient: 'rfc822;x@y.test' },
    direct('a@there.test'),
  )
  assert.deepEqual(drafts(plan), [
    {
      destination: 'there.test',
      envelope: ENVELOPE,
      recipients: [{ address: at('a@there.test'), notify: ['success'], originalRecipient: 'rfc822;x@y.test' }],
      skipOctets: 30,
      expiresAt: NOW + QUEUE_LIFETIME_MS,
      nextAttemptAt: NOW,
      senderVerified: true,
    },
  ])
  assert.equal(drafts(plan, { ...ENVELOPE, reversePath: null })[0]!.expiresAt, NOW + QUEUE_DSN_LIFETIME_MS)
})

test('DSN wishes through aliases (RFC 3461 §5.2.7)', () => {
  const forwarded = (split: boolean): ForeignTarget => ({ address: at('far@there.test'), forwarded: true, split })
  const table: readonly (readonly [DsnNotify | undefined, boolean, DsnNotify | undefined])[] = [
    [undefined, false, undefined],
    [undefined, true, undefined],
    ['never', true, 'never'],
    [['success', 'failure'], false, ['success', 'failure']],
    [['success', 'failure'], true, ['failure']],
    [['success'], true, 'never'],
  ]
  for (const [notify, split, expected] of table) {
    const plan = createRelayPlan()
    plan.add({ address: at('team@here.test'), ...(notify !== undefined && { notify }) }, forwarded(split))
    const recipient = drafts(plan)[0]!.recipients[0]!
    assert.deepEqual(recipient.notify, expected)
    assert.equal(recipient.originalRecipient, 'rfc822;team@here.test')
  }
  const plan = createRelayPlan()
  plan.add({ address: at('иван@here.test') }, forwarded(false))
  assert.equal(drafts(plan)[0]!.recipients[0]!.originalRecipient, 'utf-8;иван@here.test')
})

test('what is sent on leaves in a name of the domain that it came for; what is asked for keeps its own', () => {
  const plan = createRelayPlan((domain) => at(`SRS0=x@${domain}`))
  const onward = (address: string): ForeignTarget => ({ ...direct(address), forwarded: true })
  plan.add({ address: at('a@there.test') }, direct('a@there.test'))
  plan.add({ address: at('b@here.test') }, onward('b@there.test'))
  plan.add({ address: at('c@Also.test') }, onward('c@there.test'))
  plan.add({ address: at('d@here.test') }, onward('c@there.test'))
  const made = plan.drafts({ envelope: ENVELOPE, skipOctets: 0, now: NOW, senderVerified: false, pathVerified: true })
  const shown = made.map(({ envelope, recipients, senderVerified }) => [
    `${envelope.reversePath?.localPart}@${envelope.reversePath?.domain}`,
    recipients.map(({ address }) => address.localPart).join(' '),
    senderVerified,
  ])
  assert.deepEqual(shown, [
    ['sender@away.test', 'a', false],
    ['SRS0=x@here.test', 'b', true],
    ['SRS0=x@also.test', 'c', true],
  ])
})
