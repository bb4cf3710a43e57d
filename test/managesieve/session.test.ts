import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  MANAGESIEVE_AUTOLOGOUT_MS,
  MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS,
  MANAGESIEVE_ERRORS_MAX,
  MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS,
  SIEVE_SCRIPT_MAX_OCTETS,
  SIEVE_SCRIPT_NAME_MAX_OCTETS,
  SIEVE_SCRIPTS_PER_ACCOUNT_MAX,
} from '../../src/model/limits.ts'
import type { TestPeer } from '../../src/session/test-connection.ts'
import { settle } from '../transcript.ts'
import { openManageSieveStage, type ManageSieveStage } from './stage.ts'

async function withStage(run: (stage: ManageSieveStage) => Promise<void>): Promise<void> {
  const stage = await openManageSieveStage()
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

/** What it says up to the line that ends an answer, that line too. */
async function answer(peer: TestPeer): Promise<string> {
  for (let said = ''; ;) {
    const line = await peer.line()
    assert.notEqual(line, null, said)
    said += line
    if (/^(?:OK|NO|BYE)\b/.test(line!)) return said
  }
}

async function ask(peer: TestPeer, command: string): Promise<string> {
  peer.send(`${command}\r\n`)
  return answer(peer)
}

async function logIn(stage: ManageSieveStage): Promise<TestPeer> {
  const peer = stage.connect()
  await answer(peer)
  await ask(peer, 'STARTTLS')
  await peer.startTls()
  await answer(peer)
  const secret = Buffer.from('\0anna@here.test\0sesame').toString('base64')
  assert.match(await ask(peer, `AUTHENTICATE "PLAIN" "${secret}"`), /^OK/)
  return peer
}

const literal = (text: string): string => `{${Buffer.byteLength(text)}+}\r\n${text}`

test('a script comes back octet for octet, at the limit of its size and not beyond', () =>
  withStage(async (stage) => {
    const peer = await logIn(stage)
    const line = `# ${'ё'.repeat(50)} "quoted" \\ \r\n`
    const script = line.repeat(Math.floor(SIEVE_SCRIPT_MAX_OCTETS / Buffer.byteLength(line)))
    const full = script + '#'.repeat(SIEVE_SCRIPT_MAX_OCTETS - Buffer.byteLength(script))
    assert.equal(await ask(peer, `PUTSCRIPT "big" ${literal(full)}`), 'OK')
    assert.equal(await stage.scriptsOf(stage.anna).get('big'), full)
    assert.match(await ask(peer, `PUTSCRIPT "bigger" ${literal(`${full}#`)}`), /^NO \(QUOTA\/MAXSIZE\)/)
    assert.match(
      await ask(peer, `CHECKSCRIPT ${literal('#'.repeat(MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS))}`),
      /^NO \(QUOTA/,
    )
    assert.equal((await stage.scriptsOf(stage.anna).list()).length, 1)
    assert.match(await ask(peer, `CHECKSCRIPT {${MANAGESIEVE_LITERAL_SKIP_MAX_OCTETS + 1}+}`), /^BYE/)
    assert.equal(await peer.line(), null)
  }))

test('as many scripts, and as long names, as the limits say', () =>
  withStage(async (stage) => {
    const peer = await logIn(stage)
    const longest = 'n'.repeat(SIEVE_SCRIPT_NAME_MAX_OCTETS)
    assert.equal(await ask(peer, `PUTSCRIPT "${longest}" "keep;"`), 'OK')
    assert.match(await ask(peer, `PUTSCRIPT "${longest}n" "keep;"`), /^NO "Not a name/)
    for (let i = 1; i < SIEVE_SCRIPTS_PER_ACCOUNT_MAX; i++) await stage.scriptsOf(stage.anna).put(`s${i}`, 'keep;')
    assert.match(await ask(peer, 'PUTSCRIPT "one more" "keep;"'), /^NO \(QUOTA\/MAXSCRIPTS\)/)
    assert.match(await ask(peer, 'HAVESPACE "one more" 5'), /^NO \(QUOTA\/MAXSCRIPTS\)/)
    assert.equal(await ask(peer, 'HAVESPACE "s1" 5'), 'OK')
    assert.equal(await ask(peer, 'PUTSCRIPT "s1" "stop;"'), 'OK')
  }))

test('a name composed or decomposed is one name (RFC 5804 §1.6, Net-Unicode)', () =>
  withStage(async (stage) => {
    const peer = await logIn(stage)
    await ask(peer, `PUTSCRIPT "${'й'.normalize('NFD')}" "keep;"`)
    assert.equal(await ask(peer, `SETACTIVE "${'й'.normalize('NFC')}"`), 'OK')
    assert.match(await ask(peer, `RENAMESCRIPT "${'й'.normalize('NFD')}" "й"`), /^NO \(ALREADYEXISTS\)/)
    assert.deepEqual(await stage.scriptsOf(stage.anna).list(), [
      { name: 'й'.normalize('NFC'), active: true, sizeOctets: 5 },
    ])
  }))

test('S14: a minute before login, half an hour of silence after it; shutdown says BYE', () =>
  withStage(async (stage) => {
    const early = stage.connect()
    await answer(early)
    const late = await logIn(stage)
    const last = await logIn(stage)
    await settle()
    stage.clock.advance(MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS)
    assert.match((await early.line())!, /^BYE "Idle/)
    stage.clock.advance(MANAGESIEVE_AUTOLOGOUT_MS - MANAGESIEVE_BEFORE_LOGIN_TIMEOUT_MS - 1)
    assert.equal(await ask(last, 'NOOP'), 'OK "Done"')
    stage.clock.advance(1)
    assert.match((await late.line())!, /^BYE "Idle/)
    stage.drain.abort()
    assert.match((await last.line())!, /^BYE \(TRYLATER\) "Shutting down/)
  }))

test('too many errors end the session', () =>
  withStage(async (stage) => {
    const peer = stage.connect()
    await answer(peer)
    for (let i = 0; i < MANAGESIEVE_ERRORS_MAX; i++) assert.match(await ask(peer, 'nonsense'), /^NO/)
    assert.equal(await peer.line(), 'BYE "Too many errors"')
    assert.equal(await peer.line(), null)
  }))

test('S3: what came before TLS is forgotten', () =>
  withStage(async (stage) => {
    const peer = stage.connect()
    await answer(peer)
    peer.send('STARTTLS\r\nNOOP "injected"\r\n')
    assert.equal(await answer(peer), 'OK "Begin TLS"')
    await peer.startTls()
    assert.match(await answer(peer), /"SASL" "[^"]*PLAIN.*OK "TLS is up"$/s)
    assert.equal(await ask(peer, 'NOOP "mine"'), 'OK (TAG "mine") "Done"')
  }))
