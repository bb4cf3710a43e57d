/** Others' servers that doctor asks; each can be named on the command line instead. */

/** Large providers that take mail from everywhere: that one of them answers is enough. */
export const DOCTOR_OUTGOING_TARGETS = [
  { host: 'gmail-smtp-in.l.google.com', port: 25 },
  { host: 'mxs.mail.ru', port: 25 },
  { host: 'mx.yandex.ru', port: 25 },
] as const

/** Lists that many servers ask, and that answer without registration. */
export const DOCTOR_BLOCKLISTS = ['zen.spamhaus.org', 'bl.spamcop.net', 'psbl.surriel.com'] as const

export const DOCTOR_TIME_SERVERS = [
  { host: 'pool.ntp.org', port: 123 },
  { host: 'time.cloudflare.com', port: 123 },
] as const
