/** What a person sees at the start of `gavan try`, in the language of the locale. */
import { styleText } from 'node:util'
import { CATALOG } from '../../exposure/catalog.ts'
import type { ServiceName } from '../../model/service.ts'
import type { Language } from '../../exposure/words/contract.ts'
import type { OpenedPort } from '../supervise.ts'
import type { TryUser } from './options.ts'

const WORDS = {
  en: {
    title: 'try it now · loopback only, nothing leaves this computer',
    signIn: 'Sign in',
    and: 'and',
    head: ['Port', 'normally', 'what it is'],
    what: {
      mx: 'MTA   mail from other servers to the people above',
      submission: 'MSA   sending from a mail program: STARTTLS and sign-in required',
      submissions: 'MSA   sending, TLS from the start',
      imap: 'IMAP  STARTTLS enforced',
      imaps: 'IMAP  TLS',
      pop3: 'POP3  STARTTLS enforced',
      pop3s: 'POP3  TLS',
      http: 'Web   redirects to HTTPS',
      https: 'Web   a page that says it runs; webmail comes later',
      sieve: 'Sieve filters',
    } satisfies Record<ServiceName, string>,
    certificate: 'Certificate',
    ca: 'of our own CA; programs ask once, or trust this file:',
    sandbox: 'Mail to other domains is kept in the Sandbox folder of',
    data: 'Data',
    reset: 'start over: gavan try --reset',
    next: 'Next',
    letter: 'send yourself a letter:',
    read: 'and read it:',
    end: 'Ctrl-C stops everything',
  },
  ru: {
    title: 'проба · только этот компьютер, наружу ничего не уходит',
    signIn: 'Вход',
    and: 'и',
    head: ['Порт', 'обычно', 'что это'],
    what: {
      mx: 'MTA   почта от других серверов для этих людей',
      submission: 'MSA   отправка из почтовой программы: STARTTLS и вход обязательны',
      submissions: 'MSA   отправка, TLS сразу',
      imap: 'IMAP  STARTTLS обязателен',
      imaps: 'IMAP  TLS',
      pop3: 'POP3  STARTTLS обязателен',
      pop3s: 'POP3  TLS',
      http: 'Веб   перенаправляет на HTTPS',
      https: 'Веб   страница о том, что сервер работает; веб-почта будет позже',
      sieve: 'Sieve фильтры',
    } satisfies Record<ServiceName, string>,
    certificate: 'Сертификат',
    ca: 'от собственного центра; программы спросят один раз, или доверьте этот файл:',
    sandbox: 'Письма на другие домены остаются в папке Sandbox у',
    data: 'Данные',
    reset: 'начать заново: gavan try --reset',
    next: 'Дальше',
    letter: 'отправьте письмо себе:',
    read: 'и прочтите его:',
    end: 'Ctrl-C останавливает всё',
  },
} as const

export function tryScreen(options: {
  version: string
  language: Language
  users: readonly TryUser[]
  ports: readonly OpenedPort[]
  caFile: string | null
  fingerprint: string | null
  dataDir: string
}): string {
  const { version, language, users, ports, caFile, fingerprint, dataDir } = options
  const words = WORDS[language]
  const [first, ...others] = users
  const port = (service: ServiceName): number | undefined => ports.find((open) => open.service === service)?.port
  const bold = (text: string): string => styleText('bold', text, { stream: process.stderr })
  const dim = (text: string): string => styleText('dim', text, { stream: process.stderr })
  const label = (text: string): string => `  ${text.padEnd(12)}`
  const person = ({ address, password }: TryUser): string => `${bold(address)}   ${bold(password.reveal())}`

  const lines = [`gavan ${version} · ${words.title}`, '']
  if (first !== undefined) lines.push(`${label(words.signIn)}${person(first)}`)
  for (const user of others) lines.push(`${label(words.and)}${person(user)}`)
  lines.push('', dim(`  ${words.head[0].padEnd(6)}${words.head[1].padStart(9)}  ${words.head[2]}`))
  for (const row of CATALOG) {
    const open = port(row.service)
    if (open !== undefined)
      lines.push(`  ${String(open).padEnd(6)}${String(row.port).padStart(9)}  ${words.what[row.service]}`)
  }
  lines.push('')
  if (fingerprint !== null)
    lines.push(`${label(words.certificate)}SHA-256 ${fingerprint.slice(0, 11)}…${fingerprint.slice(-5)}, ${words.ca}`)
  if (caFile !== null) lines.push(`${label('')}${caFile}`)
  if (first !== undefined) lines.push(`  ${words.sandbox} ${first.address}.`)
  lines.push(`${label(words.data)}${dataDir}   ${words.reset}`)
  const submission = port('submission')
  if (first !== undefined && submission !== undefined) {
    lines.push(`${label(words.next)}${words.letter}`)
    const trust = `--ssl-reqd --cacert ${caFile ?? 'ca.pem'} -u '${first.address}:${first.password.reveal()}'`
    lines.push(
      `${label('')}printf 'From: ${first.address}\\nSubject: Ahoy\\n\\nHello\\n' | curl ${trust} \\`,
      `${label('')}  --mail-from ${first.address} --mail-rcpt ${first.address} -T - --crlf smtp://localhost:${submission}`,
    )
    const imap = port('imap')
    if (imap !== undefined) {
      lines.push(`${label('')}${words.read}`, `${label('')}curl ${trust} 'imap://localhost:${imap}/INBOX;MAILINDEX=1'`)
    }
  }
  lines.push(`${label('')}${words.end}`)
  return lines.join('\n')
}
