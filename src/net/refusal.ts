import type { ServiceName, TlsMode } from '../model/service.ts'
import type { Refusal } from './contract.ts'

type Speech = 'smtp' | 'imap' | 'pop3' | 'sieve' | 'silent'

const SPEECH: Record<ServiceName, Speech> = {
  mx: 'smtp',
  submission: 'smtp',
  submissions: 'smtp',
  imap: 'imap',
  imaps: 'imap',
  pop3: 'pop3',
  pop3s: 'pop3',
  http: 'silent',
  https: 'silent',
  sieve: 'sieve',
}

/** docs/rules.md, codes. SMTP: 554 at the greeting means "never here" (RFC 5321 §3.1), 421 "not now" (§3.8). */
const WORDS: Record<Exclude<Speech, 'silent'>, Record<Refusal, string>> = {
  smtp: {
    'not-inside': '554 5.7.1 This port serves inner networks only\r\n',
    banned: '421 4.7.0 Too many failures, try again later\r\n',
    'too-many': '421 4.7.0 Too many connections, try again later\r\n',
    busy: '421 4.3.2 Too busy, try again later\r\n',
    stopping: '421 4.3.2 Shutting down, try again later\r\n',
  },
  imap: {
    'not-inside': '* BYE This port serves inner networks only\r\n',
    banned: '* BYE [UNAVAILABLE] Too many failures, try again later\r\n',
    'too-many': '* BYE [UNAVAILABLE] Too many connections, try again later\r\n',
    busy: '* BYE [UNAVAILABLE] Too busy, try again later\r\n',
    stopping: '* BYE [UNAVAILABLE] Shutting down, try again later\r\n',
  },
  pop3: {
    'not-inside': '-ERR [SYS/PERM] This port serves inner networks only\r\n',
    banned: '-ERR [SYS/TEMP] Too many failures, try again later\r\n',
    'too-many': '-ERR [SYS/TEMP] Too many connections, try again later\r\n',
    busy: '-ERR [SYS/TEMP] Too busy, try again later\r\n',
    stopping: '-ERR [SYS/TEMP] Shutting down, try again later\r\n',
  },
  sieve: {
    'not-inside': 'BYE "This port serves inner networks only"\r\n',
    banned: 'BYE (TRYLATER) "Too many failures"\r\n',
    'too-many': 'BYE (TRYLATER) "Too many connections"\r\n',
    busy: 'BYE (TRYLATER) "Too busy"\r\n',
    stopping: 'BYE (TRYLATER) "Shutting down"\r\n',
  },
}

/** What a refused peer hears before the close; null where words would need TLS or mean nothing. */
export function refusalWords(service: ServiceName, tls: TlsMode, why: Refusal): string | null {
  const speech = SPEECH[service]
  return speech === 'silent' || tls === 'implicit' ? null : WORDS[speech][why]
}
