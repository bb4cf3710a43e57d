/** What `gavan dial` shows. */
import type { Language } from '../../exposure/words/contract.ts'
import { printTlsa } from '../../mailauth/dane/tlsa.ts'
import type { Answer } from '../../model/queue.ts'
import type { Look, LookStep, Prospect } from '../../outbound/delivery/look.ts'
import type { Security } from '../../outbound/delivery/security.ts'

type Words = {
  readonly signed: string
  readonly unsigned: string
  readonly ms: string
  readonly fetched: string
  readonly kept: string
  readonly none: string
  readonly addresses: string
  readonly policy: string
  readonly refused: string
  readonly nothing: string
  readonly unusable: string
  readonly testing: string
  readonly port: string
  readonly noConnection: string
  readonly connect: string
  readonly clear: string
  readonly good: string
  readonly danced: string
  readonly bad: (why: string) => string
  readonly offers: string
  readonly itself: string
  readonly notDelivered: { readonly waiting: string; readonly failed: string }
  readonly delivered: Readonly<Record<Extract<Prospect, { at: 'delivered' }>['by'], string>>
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    signed: 'signed (DNSSEC)',
    unsigned: 'not signed, or not by a resolver that is trusted',
    ms: 'ms',
    fetched: 'fetched now',
    kept: 'kept from before',
    none: 'none',
    addresses: 'addresses',
    policy: 'protection',
    refused: 'not to be used now',
    nothing: 'none: TLS as it comes',
    unusable: 'DANE, no usable record: encrypted, unverified',
    testing: 'MTA-STS, testing: counts only',
    port: 'port',
    noConnection: 'failed',
    connect: 'connection',
    clear: 'in the clear',
    good: 'the certificate is good for its name',
    danced: 'the certificate is the one that DANE names',
    bad: (why) => `the certificate proves nothing (${why})`,
    offers: 'offers',
    itself: 'this server',
    notDelivered: { waiting: 'A letter would wait and be tried again', failed: 'A letter would be returned' },
    delivered: {
      dane: 'A letter would be delivered now, encrypted and verified by DANE.',
      sts: 'A letter would be delivered now, encrypted and verified by MTA-STS.',
      encrypted: 'A letter would be delivered now, encrypted; nobody vouches for who receives it.',
      clear: 'A letter would be delivered now, in the clear: the server offers no TLS that works.',
    },
  },
  ru: {
    signed: 'подписано (DNSSEC)',
    unsigned: 'не подписано, или серверу имён здесь не доверяют',
    ms: 'мс',
    fetched: 'получена сейчас',
    kept: 'сохранена раньше',
    none: 'нет',
    addresses: 'адреса',
    policy: 'защита',
    refused: 'сейчас использовать нельзя',
    nothing: 'нет: TLS, какой будет',
    unusable: 'DANE, годных записей нет: с шифрованием, без проверки',
    testing: 'MTA-STS, испытание: только учёт',
    port: 'порт',
    noConnection: 'не вышло',
    connect: 'соединение',
    clear: 'открытым текстом',
    good: 'сертификат выдан на это имя',
    danced: 'сертификат тот, что назван в DANE',
    bad: (why) => `сертификат ничего не доказывает (${why})`,
    offers: 'умеет',
    itself: 'этот же сервер',
    notDelivered: { waiting: 'Письмо осталось бы ждать новой попытки', failed: 'Письмо вернулось бы отправителю' },
    delivered: {
      dane: 'Письмо было бы доставлено сейчас, с шифрованием и проверкой по DANE.',
      sts: 'Письмо было бы доставлено сейчас, с шифрованием и проверкой по MTA-STS.',
      encrypted: 'Письмо было бы доставлено сейчас с шифрованием; кто его получит, никто не удостоверяет.',
      clear: 'Письмо было бы доставлено сейчас открытым текстом: рабочего TLS сервер не предлагает.',
    },
  },
}

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e\u00a1-\uffff]/g, '?').slice(0, 300)
const said = ({ code, status, text }: Answer): string => printable(`${code} ${status} ${text}`)

/** Without colours, ready to print. */
export function dialScreen({ steps, prospect }: Look, language: Language): string {
  const words = WORDS[language]
  const rows: (readonly [what: string, text: string, ms: number | null])[] = []
  /** Of the connection under way. */
  let heard: Heard = []
  for (const step of steps) {
    if (step.at === 'dialling') heard = []
    if (step.at === 'heard') heard.push({ what: step.what, ms: step.ms })
    rows.push(...rowsOf(step, words, heard))
    if (step.at === 'connected') heard = []
  }
  const width = Math.max(...rows.map(([what]) => what.length))
  const lines = rows.map(([what, text, ms]) =>
    `${what.padEnd(width)}  ${text}${ms === null ? '' : `  (${ms.toFixed(0)} ${words.ms})`}`.trimEnd(),
  )
  return [...lines, '', prospectLine(prospect, words)].join('\n')
}

function prospectLine(prospect: Prospect, words: Words): string {
  if (prospect.at === 'delivered') return words.delivered[prospect.by]
  return `${words.notDelivered[prospect.at]}: ${said(prospect.answer)}`
}

type Heard = { readonly what: string; readonly ms: number }[]

/** `connection 12 ms, 220 3 ms, EHLO 2 ms`. */
const times = (heard: Heard, words: Words): string =>
  heard
    .map(({ what, ms }) => `${what === 'connect' ? words.connect : (HEARD[what] ?? what)} ${ms.toFixed(0)}`)
    .join(', ')

function rowsOf(step: LookStep, words: Words, heard: Heard): (readonly [string, string, number | null])[] {
  const { ms } = step
  switch (step.at) {
    case 'hosts': {
      const names = step.hosts.map(({ name }) => name).join(', ')
      return [['MX', `${names}; ${step.authenticated ? words.signed : words.unsigned}`, ms]]
    }
    case 'no-hosts':
      return [['MX', said(step.answer), ms]]
    case 'sts': {
      const { policy, from, failure } = step.finding
      const found =
        policy === null
          ? words.none
          : `${policy.mode}, id ${policy.id}, ${from === 'fetched' ? words.fetched : words.kept}: ${policy.mx.join(', ')}`
      const wrong = failure === null ? '' : `; ${failure.failure}: ${printable(failure.detail)}`
      return [['MTA-STS', `${found}${wrong}`, ms]]
    }
    case 'addresses': {
      const { found } = step
      if (found.at === 'ourselves') return [[step.host, words.itself, ms]]
      if (found.at === 'failed') return [[step.host, said(found.answer), ms]]
      const secure = found.answers.filter((answer) => answer.at === 'found')
      const signed = secure.length > 0 && secure.every(({ authenticated }) => authenticated)
      return [
        [step.host, '', null],
        [`  ${words.addresses}`, `${found.addresses.join(', ')}; ${signed ? words.signed : words.unsigned}`, ms],
      ]
    }
    case 'security': {
      const text = securityText(step.security, words)
      const refused = step.refused === null ? '' : `; ${words.refused}: ${printable(step.refused.detail)}`
      return [[`  ${words.policy}`, `${text}${refused}`, ms]]
    }
    case 'dialling':
      return [[`  ${step.target.address}`, `${words.port} ${step.target.port}`, null]]
    case 'heard':
      return []
    case 'connected': {
      const { outcome } = step
      const took = [`    ${words.ms}`, times(heard, words), null] as const
      const before = heard.length === 0 ? [] : [took]
      if (outcome.at !== 'open') return [...before, [`    ${words.noConnection}`, said(outcome.answer), null]]
      return [
        ...before,
        ['    TLS', tlsText(outcome.remote, words), null],
        [`    ${words.offers}`, offersOf(outcome.remote.extensions), null],
      ]
    }
    case 'inquired': {
      const { mail, rcpt } = step.answers
      const msOf = (what: string): number | null => heard.find((each) => each.what === what)?.ms ?? null
      return [
        ['    MAIL', said(mail.answer), msOf('mail')],
        ...(rcpt === null ? [] : [['    RCPT', said(rcpt.answer), msOf('rcpt')] as const]),
      ]
    }
  }
}

const HEARD: Readonly<Record<string, string>> = {
  greeting: '220',
  ehlo: 'EHLO',
  helo: 'HELO',
  starttls: 'STARTTLS',
  tls: 'TLS',
}

function securityText(security: Security, words: Words): string {
  switch (security.by) {
    case 'dane': {
      const { at, records } = security.binding
      const list = records.map((record) => printTlsa(record).slice(0, 30)).join(', ')
      if (at === 'bound') return `DANE: ${list}`
      return records.length === 0 ? 'DANE' : words.unusable
    }
    case 'sts':
      return 'MTA-STS: enforce'
    case 'nothing':
      return security.testing === null ? words.nothing : words.testing
  }
}

type OpenRemote = Extract<Extract<LookStep, { at: 'connected' }>['outcome'], { at: 'open' }>['remote']

function tlsText({ tls, secure }: OpenRemote, words: Words): string {
  if (tls === null) return words.clear
  const { version, cipher, serverProblem = null } = tls
  const verdict = serverProblem === null ? words.good : secure ? words.danced : words.bad(serverProblem)
  return `${version}, ${cipher}; ${verdict}`
}

export function offersOf(offers: OpenRemote['extensions']): string {
  const names: readonly (readonly [boolean, string])[] = [
    [offers.pipelining, 'PIPELINING'],
    [offers.startTls, 'STARTTLS'],
    [offers.eightBitMime, '8BITMIME'],
    [offers.smtpUtf8, 'SMTPUTF8'],
    [offers.chunking, 'CHUNKING'],
    [offers.binaryMime, 'BINARYMIME'],
    [offers.dsn, 'DSN'],
    [offers.requireTls, 'REQUIRETLS'],
    [offers.sizeOctets !== null, `SIZE ${offers.sizeOctets}`],
  ]
  return names
    .filter(([offered]) => offered)
    .map(([, name]) => name)
    .join(', ')
}

/** As data, for `--json`. */
export function dialJson({ steps, prospect }: Look): Record<string, unknown> {
  return { steps: steps.map(stepJson), prospect }
}

function stepJson(step: LookStep): Record<string, unknown> {
  switch (step.at) {
    case 'dialling': {
      const { host, address, port, tls } = step.target
      return { at: step.at, ms: step.ms, host, address, port, tls }
    }
    case 'connected': {
      const { outcome, ms } = step
      const { host, address } = step.target
      const base = { at: step.at, ms, host, address, outcome: outcome.at }
      if (outcome.at !== 'open') return { ...base, answer: outcome.answer }
      const { tls, secure, extensions } = outcome.remote
      const facts =
        tls === null
          ? null
          : {
              version: tls.version,
              cipher: tls.cipher,
              certificateProblem: tls.serverProblem ?? null,
              verified: secure,
            }
      return { ...base, tls: facts, extensions }
    }
    case 'inquired': {
      const { mail, rcpt } = step.answers
      return { at: step.at, ms: step.ms, host: step.remote.host, mail: mail.answer, rcpt: rcpt?.answer ?? null }
    }
    default:
      return { ...step }
  }
}
