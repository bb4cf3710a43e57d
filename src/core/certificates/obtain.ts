/** One run: orders until there is a certificate, changing challenges and leaving out names that fail. */
import type { AcmeFailure, ChallengeSolver, ChallengeType, IssuedCertificate } from '../../model/certificate.ts'
import { ACME_ORDERS_PER_RUN_MAX } from '../../model/limits.ts'
import type { KeeperParts, ToldFailure } from './contract.ts'
import { tell } from './told.ts'

export type Obtained =
  | {
      readonly at: 'issued'
      readonly pair: IssuedCertificate
      readonly challenge: ChallengeType
      readonly leftOut: readonly { readonly name: string; readonly why: string }[]
      readonly notes: readonly string[]
    }
  | { readonly at: 'failed'; readonly failure: ToldFailure; readonly retryAfterMs: number | null }

/** A failure of one name: the other names may still have theirs. */
const ABOUT_A_NAME: readonly AcmeFailure['kind'][] = ['challenge', 'caa', 'name', 'dns-update']
/** Another challenge may do better. */
const ABOUT_THE_WAY: readonly AcmeFailure['kind'][] = ['challenge', 'dns-update']

export async function obtain(
  parts: Pick<KeeperParts, 'authority' | 'solvers' | 'clock' | 'log' | 'profile'>,
  wanted: {
    names: readonly string[]
    first: ChallengeType | null
    replaces: string | null
    key: string | null
  },
): Promise<Obtained> {
  const { authority, clock, log, profile } = parts
  const [own] = wanted.names
  const ways = inOrder(parts.solvers(), wanted.first)
  const leftOut: { name: string; why: string }[] = []
  const notes: string[] = []
  let names = wanted.names
  let way = 0
  let last: AcmeFailure = {
    kind: 'no-way',
    name: null,
    detail: 'no port is open for it, and no DNS server is named',
    retryAfterMs: null,
  }
  for (let orders = 0; orders < ACME_ORDERS_PER_RUN_MAX; orders++) {
    const solver = ways[way]
    if (solver === undefined) break
    const result = await authority.issue({ names, solver, profile, replaces: wanted.replaces, key: wanted.key })
    if (result.ok) return { at: 'issued', pair: result.value, challenge: solver.type, leftOut, notes }
    last = result.error
    const told = tell(last, solver.type, clock.now())
    const another = ways[way + 1]
    if (ABOUT_THE_WAY.includes(last.kind) && another !== undefined) {
      log.warn({
        event: 'acme.challenge.failed',
        challenge: solver.type,
        name: last.name,
        what: told.what,
        next: another.type,
      })
      notes.push(`${solver.type} did not work (${told.what}), so ${another.type} was tried`)
      way++
      continue
    }
    const { name } = last
    if (name === null || name === own || !ABOUT_A_NAME.includes(last.kind) || !names.includes(name)) break
    log.warn({ event: 'acme.name.left-out', name, what: told.what })
    leftOut.push({ name, why: told.what })
    names = names.filter((other) => other !== name)
  }
  const challenge = ways[way]?.type ?? null
  return { at: 'failed', failure: tell(last, challenge, clock.now()), retryAfterMs: last.retryAfterMs }
}

function inOrder(solvers: readonly ChallengeSolver[], first: ChallengeType | null): readonly ChallengeSolver[] {
  return [...solvers.filter(({ type }) => type === first), ...solvers.filter(({ type }) => type !== first)]
}
