/** The way that a letter would go, walked without one (`gavan dial`): the walk of a delivery, watched. */
import type { Recipient } from '../../model/envelope.ts'
import type { Answer } from '../../model/queue.ts'
import type { Stage } from '../../protocol/smtp/client-judge.ts'
import type { Inquired } from '../../protocol/smtp/client-transact.ts'
import type { Remote } from './remote.ts'
import type { Security } from './security.ts'
import { createWalk, type WalkOptions, type WalkStep } from './walk.ts'

/** `ms`: since the step before. */
export type LookStep = { readonly ms: number } & (
  | WalkStep
  | { readonly at: 'heard'; readonly what: 'connect' | Stage }
  | { readonly at: 'inquired'; readonly remote: Remote; readonly answers: Inquired }
)

/** What would become of a letter now. */
export type Prospect =
  | { readonly at: 'delivered'; readonly host: string; readonly by: 'dane' | 'sts' | 'encrypted' | 'clear' }
  | { readonly at: 'waiting' | 'failed'; readonly answer: Answer }

export type Look = { readonly steps: readonly LookStep[]; readonly prospect: Prospect }

/** Goes to every host in turn, says MAIL and RCPT there, and never DATA. */
export async function lookAlong(
  destination: string,
  recipient: Recipient,
  options: Omit<WalkOptions, 'watch' | 'mark' | 'requireTls'>,
): Promise<Look> {
  const { clock } = options
  const steps: LookStep[] = []
  let last = clock.monotonic()
  let security: Security = { by: 'nothing', testing: null }
  const add = (
    step: WalkStep | { at: 'heard'; what: 'connect' | Stage } | { at: 'inquired'; remote: Remote; answers: Inquired },
  ): void => {
    const now = clock.monotonic()
    steps.push({ ...step, ms: now - last })
    last = now
    if (step.at === 'security') security = step.security
  }
  const walk = createWalk(destination, {
    ...options,
    requireTls: false,
    watch: add,
    mark: (what) => add({ at: 'heard', what }),
  })
  let prospect: Prospect | null = null
  for (let remote = await walk.next(); remote !== null; remote = await walk.next()) {
    const answers = await remote.inquire(recipient)
    add({ at: 'inquired', remote, answers })
    prospect ??= prospectOf(remote, answers, security)
    await remote.close()
  }
  if (prospect === null) {
    const { answer, permanent } = walk.failure()
    prospect = { at: permanent ? 'failed' : 'waiting', answer }
  }
  return { steps, prospect }
}

/** A broken conversation is no answer: the next host would be asked. */
function prospectOf(remote: Remote, { mail, rcpt }: Inquired, security: Security): Prospect | null {
  const verdict = rcpt ?? mail
  if (verdict.to !== 'ok') return verdict.close ? null : { at: verdict.to, answer: verdict.answer }
  const by = remote.tls === null ? 'clear' : !remote.secure ? 'encrypted' : security.by === 'dane' ? 'dane' : 'sts'
  return { at: 'delivered', host: remote.host, by }
}
