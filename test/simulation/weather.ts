/** How the hosts and names of the world behave, drawn anew from time to time. */
import type { Clock } from '../../src/std/clock.ts'
import { MINUTE, SECOND } from '../../src/std/clock.ts'
import type { Chance } from './chance.ts'

export type Stage =
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'bdat'
  | 'dot'
  | 'rset'
  | 'noop'
  | 'quit'

/** What a host does instead of the usual. */
export type Act =
  | { readonly do: 'say'; readonly text: string }
  /** Breaks the connection without an answer. */
  | { readonly do: 'close' }
  /** Says nothing any more. */
  | { readonly do: 'fall-silent' }
  /** The usual answer, later. */
  | { readonly do: 'wait'; readonly ms: number }
  /** At the dot: keeps the message and does not get to say so. */
  | { readonly do: 'take-and-close' }
  | { readonly do: 'take-and-fall-silent' }

const MOODS = [
  'fine',
  'greylisting',
  'deferring',
  'refusing',
  'closing',
  'losing',
  'slow',
  'hole',
  'unreachable',
  'down',
  'bad-tls',
  'odd',
  'angry',
] as const
export type Mood = (typeof MOODS)[number]
const MOOD_WEIGHTS = [8, 3, 3, 2, 3, 4, 3, 2, 2, 2, 2, 2, 1]

const DNS_MOODS = ['fine', 'servfail', 'timeout', 'no-such-domain', 'null-mx'] as const
export type DnsMood = (typeof DNS_MOODS)[number]
const DNS_WEIGHTS = [12, 2, 2, 1, 1]

/** A place, its mood now; `calm` makes everything fine for good. */
export type Weather = {
  hostMood(host: string): Mood
  dnsMood(domain: string): DnsMood
  calm(): void
  readonly isCalm: boolean
}

export function createWeather(options: {
  clock: Clock
  chance: Chance
  hosts: readonly string[]
  domains: readonly string[]
  changed: (where: string, mood: string) => void
}): Weather {
  const { clock, chance, changed } = options
  const moods = new Map<string, Mood>()
  const dns = new Map<string, DnsMood>()
  let isCalm = false
  const change = (set: () => string, where: string, longest: number): void => {
    if (isCalm) return
    changed(where, set())
    clock.timer(chance.between(1, longest) * MINUTE, () => change(set, where, longest))
  }
  const draw = <T>(map: Map<string, T>, key: string, mood: T): T => {
    map.set(key, mood)
    return mood
  }
  for (const host of options.hosts)
    change(() => draw(moods, host, chance.pick(MOODS, MOOD_WEIGHTS)), `host ${host}`, chance.pick([10, 60, 300]))
  for (const domain of options.domains)
    change(() => draw(dns, domain, chance.pick(DNS_MOODS, DNS_WEIGHTS)), `names ${domain}`, 120)
  return {
    hostMood: (host) => (isCalm ? 'fine' : (moods.get(host) ?? 'fine')),
    dnsMood: (domain) => (isCalm ? 'fine' : (dns.get(domain) ?? 'fine')),
    calm() {
      isCalm = true
    },
    get isCalm() {
      return isCalm
    },
  }
}

const say = (text: string): Act => ({ do: 'say', text })

/** What a host in this mood does at a stage; null: the usual. */
export function actOf(mood: Mood, stage: Stage, chance: Chance): Act | null {
  switch (mood) {
    case 'deferring':
      if (stage === 'quit' || stage === 'noop' || stage === 'rset' || !chance.often(0.3)) return null
      return say(chance.pick(['451 4.3.0 not now', '450 4.2.0 later', '452 4.3.1 no room', '421 4.3.2 going away']))
    case 'refusing':
      if (stage === 'rcpt' && chance.often(0.4)) return say('550 5.1.1 nobody of that name')
      if (stage === 'mail' && chance.often(0.1)) return say('550 5.7.1 not from you')
      if (stage === 'dot' && chance.often(0.2)) return say('554 5.6.0 not that')
      return null
    case 'closing':
      return chance.often(0.2) ? { do: 'close' } : null
    case 'losing':
      if (stage !== 'dot' || !chance.often(0.6)) return null
      return { do: chance.pick(['take-and-close', 'take-and-fall-silent']) }
    case 'slow':
      return chance.often(0.5) ? { do: 'wait', ms: chance.between(1, chance.pick([5, 100, 700])) * SECOND } : null
    case 'hole':
      return stage === 'greeting' || chance.often(0.1) ? { do: 'fall-silent' } : null
    case 'odd':
      if (!chance.often(0.25)) return null
      return say(
        chance.pick([
          '250-first\r\n250 second',
          '2x0 what',
          'hello?',
          '250',
          '354 go on',
          '150 hm',
          '599 odd',
          '250-a\r\n550 b',
          `250 ${'x'.repeat(3000)}`,
          '\r\n',
        ]),
      )
    case 'angry':
      return (stage === 'greeting' || stage === 'ehlo') && chance.often(0.5) ? say('554 5.7.1 go away') : null
    case 'fine':
    case 'greylisting':
    case 'unreachable':
    case 'down':
    case 'bad-tls':
      return null
  }
}
