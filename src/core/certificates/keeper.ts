/** Looks after the server's certificate: asks for it, renews it, and says why it could not. */
import { X509Certificate } from 'node:crypto'
import {
  ACME_CHECK_MS,
  ACME_NAME_RETRY_MS,
  ACME_RENEWAL_INFO_MAX_MS,
  ACME_RENEWAL_INFO_MIN_MS,
  ACME_RENEWAL_INFO_MS,
} from '../../model/limits.ts'
import { ACME_ERRORS } from '../../model/metrics.ts'
import type { IssuedCertificate } from '../../model/certificate.ts'
import { sleep } from '../../std/clock.ts'
import type {
  CertificateFacts,
  CertificateKeeper,
  CertificateState,
  DryRun,
  KeeperParts,
  Preflight,
  RunOutcome,
  ToldFailure,
} from './contract.ts'
import { obtain } from './obtain.ts'
import { renewAtByLife, renewAtByWindow, retryAfterMs } from './schedule.ts'
import { tell } from './told.ts'

const AT_FIRST: CertificateState = {
  failures: 0,
  lastFailure: null,
  nextTryAt: null,
  challenge: null,
  leftOut: [],
  stagingPassed: false,
  issuedAt: null,
  renewAt: null,
  renewalWindow: null,
  askRenewalAt: null,
  notes: [],
}

export function factsOf({ certificate }: IssuedCertificate): CertificateFacts {
  const leaf = new X509Certificate(certificate)
  return {
    names: (leaf.subjectAltName ?? '').split(', ').map((part) => part.replace(/^DNS:/, '').toLowerCase()),
    issuer: leaf.issuer.replaceAll('\n', ', '),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256,
  }
}

export function createCertificateKeeper(parts: KeeperParts): CertificateKeeper {
  const { clock, random, log, metrics, files, authority } = parts
  let state = AT_FIRST
  let pair: IssuedCertificate | null = null
  let lastPreflight: Preflight | null = null
  let working: Promise<RunOutcome> | null = null
  let wake = new AbortController()
  /** Set once, by `stop`. */
  const life = { stopped: false }
  let looping: Promise<void> = Promise.resolve()
  let opened: Promise<void> | null = null

  const open = async (): Promise<void> => {
    opened ??= files.load().then((kept) => {
      pair = kept.pair
      state = { ...AT_FIRST, ...kept.state }
    })
    await opened
  }

  const keep = async (change: Partial<CertificateState>): Promise<void> => {
    state = { ...state, ...change }
    await files.keepState(state)
  }

  // Renewal --------------------------------------------------------------------------------------------------------

  /** Learns when to renew (RFC 9773 §4.3); without an answer it goes by the certificate's life. */
  async function schedule(current: IssuedCertificate): Promise<void> {
    const now = clock.now()
    const byLife = renewAtByLife(factsOf(current))
    if (state.askRenewalAt !== null && state.askRenewalAt > now && state.renewAt !== null) return
    const answer = await authority.renewalInfo(current.certificate)
    if (!answer.ok || answer.value === null) {
      if (!answer.ok) log.warn({ event: 'acme.renewal.unknown', why: answer.error.detail })
      // A window that the CA named before still holds (RFC 9773 §4.3.3).
      const renewAt = state.renewalWindow === null ? byLife : (state.renewAt ?? byLife)
      return keep({ renewAt, askRenewalAt: now + ACME_RENEWAL_INFO_MS })
    }
    const { window, askAgainMs } = answer.value
    const same = state.renewalWindow?.start === window.start && state.renewalWindow.end === window.end
    const renewAt = same && state.renewAt !== null ? state.renewAt : renewAtByWindow(window, random)
    const wait = Math.min(
      ACME_RENEWAL_INFO_MAX_MS,
      Math.max(ACME_RENEWAL_INFO_MIN_MS, askAgainMs ?? ACME_RENEWAL_INFO_MS),
    )
    if (!same) log.info({ event: 'acme.renewal.window', ...window, renewAt })
    await keep({ renewalWindow: window, renewAt, askRenewalAt: now + wait })
  }

  /** Names that may be asked for, and have a place in the certificate to come. */
  async function check(wanted: readonly string[]): Promise<{ names: string[]; refused: ToldFailure | null }> {
    const via = parts.solvers().map(({ type }) => type)
    lastPreflight = await parts.preflight(wanted, via)
    const now = clock.now()
    const waiting = new Set(state.leftOut.filter(({ until }) => until > now).map(({ name }) => name))
    const names: string[] = []
    let refused: ToldFailure | null = null
    for (const { name, check: own, caa } of lastPreflight.names) {
      const failure =
        own.at === 'not-ours'
          ? ({ kind: 'no-address', detail: own.why } as const)
          : caa.at === 'forbidden'
            ? ({ kind: 'caa', detail: caa.why } as const)
            : null
      if (failure === null && (!waiting.has(name) || name === wanted[0])) names.push(name)
      else if (failure !== null && name === wanted[0])
        refused = tell({ ...failure, name, retryAfterMs: null }, null, now)
    }
    return { names, refused }
  }

  // One run --------------------------------------------------------------------------------------------------------

  async function fail(failure: ToldFailure, askedMs: number | null): Promise<RunOutcome> {
    const failures = state.failures + 1
    const nextTryAt = clock.now() + retryAfterMs(failures, random, askedMs)
    if (life.stopped) return { at: 'failed', failure, nextTryAt: clock.now() } // We hung up, not the CA.
    metrics.add(ACME_ERRORS, { kind: failure.kind })
    const { kind, name, challenge, what, fix } = failure
    log.error({ event: 'acme.failed', kind, name, challenge, what, fix, nextTryAt })
    await keep({ failures, lastFailure: failure, nextTryAt })
    return { at: 'failed', failure, nextTryAt }
  }

  async function run(): Promise<RunOutcome> {
    const wanted = await parts.wantedNames()
    const { names, refused } = await check(wanted)
    if (refused !== null) return fail(refused, null)
    const { staging } = parts
    if (staging !== null && pair === null && !state.stagingPassed) {
      // A mistake of ours costs nothing there: the real CA counts failures.
      log.info({ event: 'acme.asking', directory: staging.directoryUrl, names })
      const tried = await obtain(
        { ...parts, authority: staging },
        { names, first: state.challenge, replaces: null, key: null },
      )
      if (tried.at === 'failed') return fail(tried.failure, tried.retryAfterMs)
      await keep({ stagingPassed: true, challenge: tried.challenge })
    }
    log.info({ event: 'acme.asking', directory: authority.directoryUrl, names })
    const replaces = pair?.certificate ?? null
    const key = await keyToUse()
    const outcome = await obtain(parts, { names, first: state.challenge, replaces, key })
    if (outcome.at === 'failed') return fail(outcome.failure, outcome.retryAfterMs)
    return take(outcome)
  }

  /** Null: a new one. */
  async function keyToUse(): Promise<string | null> {
    if (parts.keyPolicy === 'keep') return pair?.key ?? null
    return files.nextKey()
  }

  /** For `new`: the key after this one is there long before it is used. */
  async function prepareNextKey(): Promise<void> {
    if (parts.keyPolicy === 'keep' || pair === null) return
    try {
      const next = await files.nextKey()
      // After a crash the one in use may still stand there.
      if (next === null || next.trim() === pair.key.trim()) await files.keepNextKey(await parts.newKey())
    } catch (cause) {
      log.error({ event: 'acme.next-key.failed', cause: String(cause) }) // What is in use goes on.
    }
  }

  async function take(outcome: Extract<Awaited<ReturnType<typeof obtain>>, { at: 'issued' }>): Promise<RunOutcome> {
    const now = clock.now()
    await files.keepPair(outcome.pair)
    pair = outcome.pair
    await prepareNextKey()
    const { names, notAfter } = factsOf(pair)
    const notes = [...parts.notes(), ...outcome.notes]
    const until = now + ACME_NAME_RETRY_MS
    const stillOut = state.leftOut.filter((one) => one.until > now && !names.includes(one.name))
    await keep({
      ...AT_FIRST,
      stagingPassed: true,
      challenge: outcome.challenge,
      leftOut: [...stillOut, ...outcome.leftOut.map(({ name, why }) => ({ name, why, until }))],
      issuedAt: now,
      notes,
    })
    await parts.use(pair)
    log.info({ event: 'acme.issued', names, notAfter, challenge: outcome.challenge, notes })
    return { at: 'issued', names, notes }
  }

  /** One at a time; whoever comes meanwhile gets the same outcome. */
  function runOnce(): Promise<RunOutcome> {
    working ??= run()
      .catch((error: unknown) => {
        // Ours: the disk, say. It is told as any other failure, and the server goes on with what it has.
        const detail = error instanceof Error ? error.message : String(error)
        return fail(tell({ kind: 'storage', name: null, detail, retryAfterMs: null }, null, clock.now()), null)
      })
      .finally(() => (working = null))
    return working
  }

  // The life of it -------------------------------------------------------------------------------------------------

  async function isDue(): Promise<boolean> {
    if (pair === null) return true
    await schedule(pair)
    if (state.renewAt !== null && state.renewAt <= clock.now()) return true
    const wanted = await parts.wantedNames()
    const has = new Set(factsOf(pair).names)
    if (wanted.every((name) => has.has(name))) return false
    const { names } = await check(wanted)
    return names.some((name) => !has.has(name))
  }

  /** @returns how long nothing is to be done */
  async function turn(): Promise<number> {
    const now = clock.now()
    if (state.nextTryAt !== null && state.nextTryAt > now) return Math.min(ACME_CHECK_MS, state.nextTryAt - now)
    if (await isDue()) {
      const outcome = await runOnce()
      if (outcome.at === 'failed') return Math.min(ACME_CHECK_MS, Math.max(0, outcome.nextTryAt - clock.now()))
      if (pair !== null) await schedule(pair)
    }
    const next = [state.renewAt, state.askRenewalAt].filter((at) => at !== null)
    return Math.min(ACME_CHECK_MS, ...next.map((at) => Math.max(ACME_RENEWAL_INFO_MIN_MS, at - clock.now())))
  }

  async function loop(): Promise<void> {
    while (!life.stopped) {
      const rest = await turn().catch((cause: unknown) => {
        log.error({ event: 'acme.turn.failed', cause: String(cause) })
        return ACME_CHECK_MS
      })
      if (life.stopped) return
      await sleep(clock, rest, wake.signal)
      wake = new AbortController()
    }
  }

  return {
    async start() {
      await open()
      await prepareNextKey()
      looping = loop()
    },
    async stop() {
      life.stopped = true
      wake.abort()
      await looping
    },
    async status() {
      await open()
      const certificate = pair === null ? null : factsOf(pair)
      return {
        directory: authority.directoryUrl,
        certificate,
        state,
        working: working !== null,
        preflight: lastPreflight,
      }
    },
    async renew() {
      await open()
      const outcome = await runOnce()
      wake.abort()
      return outcome
    },
    async dryRun(): Promise<DryRun> {
      await open()
      const wanted = await parts.wantedNames()
      const { names, refused } = await check(wanted)
      const checked = lastPreflight!
      if (parts.staging === null) return { preflight: checked, staging: null }
      if (refused !== null) return { preflight: checked, staging: { at: 'failed', failure: refused } }
      const tried = await obtain(
        { ...parts, authority: parts.staging },
        { names, first: null, replaces: null, key: null },
      )
      const said = tried.at === 'issued' ? { at: 'issued' as const } : { at: 'failed' as const, failure: tried.failure }
      return { preflight: checked, staging: said }
    },
    async revoke(reason) {
      await open()
      if (pair === null) return 'no-certificate'
      const revoked = await authority.revoke(pair, reason)
      if (!revoked.ok) return tell(revoked.error, null, clock.now())
      log.warn({ event: 'acme.revoked', fingerprint: factsOf(pair).fingerprint })
      await files.keepPair(null)
      pair = null
      await keep({ ...AT_FIRST, stagingPassed: true, challenge: state.challenge })
      await parts.use(null)
      wake.abort()
      return null
    },
  }
}
