/** One event: `event` is a dotted, stable name (`smtp.rcpt.refused`); the rest are its facts. Never passwords or bodies. */
export type LogEvent = { event: string } & Record<string, unknown>

export type Log = {
  debug(event: LogEvent): void
  info(event: LogEvent): void
  warn(event: LogEvent): void
  error(event: LogEvent): void
  /** A log whose every event carries these facts too. */
  with(facts: Record<string, unknown>): Log
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
}
