import { styleText } from 'node:util'
import type { Log, LogEvent } from '../std/log.ts'
import { Secret } from '../std/secret.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type LogOptions = {
  /** Takes whole lines, each with its line feed. */
  readonly write: (line: string) => void
  readonly level: LogLevel
  /** `json`: one object a line. `pretty`: for a person at a terminal. */
  readonly format: 'json' | 'pretty'
  /** Wall time, epoch milliseconds. */
  readonly now: () => number
  readonly colours?: boolean
  /** Hears of every event, also below the level; `print` gives its line of JSON. */
  readonly hear?: (
    level: LogLevel,
    event: string,
    facts: Readonly<Record<string, unknown>>,
    print: () => string,
  ) => void
}

/**
 * Frozen: fail2ban and CrowdSec read it (packaging/fail2ban/gavan.conf). Address first and user last, always quoted, so that
 * a crafted name cannot forge an address:
 * `auth failed rip=198.51.100.7 proto=imap port=993 reason=bad-password cid=7f3a user="anna@example.org"`;
 * as JSON `{"time":…,"level":"warn","event":"auth.failed","rip":…}`, members in the same order.
 */
const AUTH_FAILED = 'auth.failed'

/** Deeper or longer things of a fact are cut: a log line is for reading. */
const DEPTH_MAX = 6
const TEXT_MAX_CHARACTERS = 2000
const CAUSES_MAX = 4

/** A log, and the hand on its least level. */
export type LevelledLog = Log & { setLevel(level: LogLevel): void }

/** Events as lines. CR and LF in facts come out escaped, secrets as `[secret]`, errors with their causes. */
export function createLog(options: LogOptions): LevelledLog {
  let least = LOG_LEVELS.indexOf(options.level)

  const print = (standing: Record<string, unknown>, level: LogLevel, { event, ...facts }: LogEvent): void => {
    const isKept = LOG_LEVELS.indexOf(level) >= least
    if (!isKept && options.hear === undefined) return
    const time = new Date(options.now()).toISOString()
    const all = { ...standing, ...facts }
    options.hear?.(level, event, all, () => `${JSON.stringify(plain({ time, level, event, ...all }, 0))}\n`)
    if (!isKept) return
    options.write(
      options.format === 'json'
        ? `${JSON.stringify(plain({ time, level, event, ...all }, 0))}\n`
        : pretty(time, level, event, all, options.colours === true),
    )
  }

  /** A class, since each connection has one: closures would be made anew for it. */
  class LogWith implements Log {
    readonly #standing: Record<string, unknown>
    constructor(standing: Record<string, unknown>) {
      this.#standing = standing
    }
    debug(event: LogEvent): void {
      print(this.#standing, 'debug', event)
    }
    info(event: LogEvent): void {
      print(this.#standing, 'info', event)
    }
    warn(event: LogEvent): void {
      print(this.#standing, 'warn', event)
    }
    error(event: LogEvent): void {
      print(this.#standing, 'error', event)
    }
    with(facts: Record<string, unknown>): Log {
      return new LogWith({ ...this.#standing, ...facts })
    }
  }
  return Object.assign(new LogWith({}), {
    setLevel: (level: LogLevel) => void (least = LOG_LEVELS.indexOf(level)),
  })
}

/** What JSON can carry: no secrets, no bytes, no endless things. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return value.length > TEXT_MAX_CHARACTERS ? `${value.slice(0, TEXT_MAX_CHARACTERS)}…` : value
  }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Secret) return value.toJSON()
  if (depth >= DEPTH_MAX) return '…'
  if (value instanceof Error) return plainError(value, depth)
  if (value instanceof Date) return value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} octets]`
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1))
  if (value instanceof Map) return plain(Object.fromEntries(value), depth + 1)
  if (value instanceof Set) return plain([...value], depth + 1)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]))
}

function plainError(error: Error, depth: number): object {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const cause = error.cause === undefined || depth >= CAUSES_MAX ? {} : { cause: plain(error.cause, depth + 1) }
  return { name: error.name, message: plain(error.message, depth), ...code, stack: plain(error.stack, depth), ...cause }
}

const COLOUR = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

/** `12:04:31 info  smtp.message.accepted traceId=… size=1024`. Control characters come out escaped. */
function pretty(
  time: string,
  level: LogLevel,
  event: string,
  facts: Record<string, unknown>,
  colours: boolean,
): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text
  const parts = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const quoted = event === AUTH_FAILED && key === 'user'
      return `${paint('dim', `${key}=`)}${quoted ? quote(value) : word(value)}`
    })
  const name = event === AUTH_FAILED ? 'auth failed' : event
  return `${paint('dim', time.slice(11, 19))} ${paint(COLOUR[level], level.padEnd(5))} ${[name, ...parts].join(' ')}\n`
}

function word(value: unknown): string {
  const shown = value instanceof Error ? `${value.name}: ${value.message}` : plain(value, 0)
  // Bare words only where nothing could be mistaken or move the cursor.
  if (typeof shown === 'string' && /^[\w.:@/<>+-]{1,200}$/.test(shown)) return shown
  return quote(shown)
}

function quote(shown: unknown): string {
  return (JSON.stringify(shown) ?? '').replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
