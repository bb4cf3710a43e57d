/** The four questions: what each is by default, and whether an answer can be one. Pure. */
import * as v from 'valibot'
import { domainName, hostName, mailAddress } from '../config/kinds.ts'
import type { Kind } from '../config/kinds.ts'
import { parseIp } from '../../model/network.ts'
import { err, ok, type Result } from '../../std/result.ts'
import type { Answers, GivenAnswers, Port80 } from './contract.ts'

export const QUESTIONS = ['domain', 'first', 'clients', 'port80'] as const
export type Question = (typeof QUESTIONS)[number]

export const CLIENTS = ['browser', 'office', 'anywhere'] as const
export const PORT80 = ['stop', 'keep', 'dns'] as const satisfies readonly Port80[]

/** What is wrong with an answer; the texts are in words/. */
export type AnswerProblem = {
  readonly about: Question | 'hostname' | 'public'
  readonly why:
    | 'no-host'
    | 'is-address'
    | 'single-label'
    | 'no-name'
    | 'no-domain'
    | 'no-mailbox'
    | 'other-domain'
    | 'no-choice'
    | 'no-address'
  readonly given: string
  /** That of the mail, when it is decided; else empty. */
  readonly domain: string
}

const problem = (
  about: AnswerProblem['about'],
  why: AnswerProblem['why'],
  given: string,
  domain = '',
): AnswerProblem => ({ about, why, given, domain })

function read<T>({ schema }: Kind<T>, text: string): T | null {
  const parsed = v.safeParse(schema, text)
  return parsed.success ? parsed.output : null
}

export function readHostname(given: string): Result<string, AnswerProblem> {
  const text = given.trim().replace(/\.$/, '')
  if (text === '') return err(problem('hostname', 'no-host', text))
  if (parseIp(text.replace(/^\[(.*)\]$/, '$1')) !== null) return err(problem('hostname', 'is-address', text))
  if (!text.includes('.')) return err(problem('hostname', 'single-label', text))
  const name = read(hostName, text)
  return name === null ? err(problem('hostname', 'no-name', text)) : ok(name)
}

/** A mail domain has two labels at least: nobody can look up another. */
export function readDomain(given: string): Result<string, AnswerProblem> {
  const text = given.trim().replace(/\.$/, '')
  const name = text.includes('@') ? null : read(domainName, text)
  return name === null || !name.includes('.') ? err(problem('domain', 'no-domain', text)) : ok(name)
}

/** @param given `anna@example.org`; `anna` alone means that domain */
export function readFirst(given: string, domain: string): Result<string, AnswerProblem> {
  const text = given.trim()
  const address = text === '' ? null : read(mailAddress, text.includes('@') ? text : `${text}@${domain}`)
  if (address === null) return err(problem('first', 'no-mailbox', text))
  return address.slice(address.lastIndexOf('@') + 1) === domain
    ? ok(address)
    : err(problem('first', 'other-domain', address, domain))
}

/** By name, or by number as the question lists them. */
function readChoice<T extends string>(about: Question, choices: readonly T[], given: string): Result<T, AnswerProblem> {
  const text = given.trim().toLowerCase()
  const found = choices.find((choice, index) => choice === text || String(index + 1) === text)
  return found === undefined ? err(problem(about, 'no-choice', given)) : ok(found)
}

export const readClients = (given: string): Result<Answers['clients'], AnswerProblem> =>
  readChoice('clients', CLIENTS, given)
export const readPort80 = (given: string): Result<Port80, AnswerProblem> => readChoice('port80', PORT80, given)

export function readPublic(given: readonly string[]): Result<readonly string[], AnswerProblem> {
  const wrong = given.find((address) => parseIp(address) === null)
  return wrong === undefined
    ? ok(given.map((address) => address.toLowerCase()))
    : err(problem('public', 'no-address', wrong))
}

/** Mail of `mail.example.org` is usually for example.org. A name without another label before is a domain itself. */
export function defaultDomain(hostname: string): string {
  const rest = hostname.slice(hostname.indexOf('.') + 1)
  return rest.includes('.') ? rest : hostname
}

export const defaultFirst = (domain: string): string => `admin@${domain}`

/** Nothing of others is stopped unasked. */
export const DEFAULT_PORT80: Port80 = 'keep'

/**
 * Answers by flags, then by what an earlier setup wrote, then by default.
 * @param port80Held whether there is a fourth question at all
 * @returns all of them, or the first that cannot be one
 */
export function completeAnswers(
  given: GivenAnswers,
  earlier: Partial<Answers>,
  port80Held: boolean,
): Result<Answers, AnswerProblem> {
  const hostname = readHostname(given.hostname ?? earlier.hostname ?? '')
  if (!hostname.ok) return hostname
  const domain = readDomain(given.domain ?? earlier.domain ?? defaultDomain(hostname.value))
  if (!domain.ok) return domain
  // The earlier mailbox is no answer for another domain.
  const kept = earlier.first?.endsWith(`@${domain.value}`) === true ? earlier.first : undefined
  const first = readFirst(given.first ?? kept ?? defaultFirst(domain.value), domain.value)
  if (!first.ok) return first
  const clients = readClients(given.clients ?? earlier.clients ?? 'office')
  if (!clients.ok) return clients
  const port80 = readPort80(given.port80 ?? earlier.port80 ?? DEFAULT_PORT80)
  if (!port80.ok) return port80
  const addresses = readPublic(given.publicAddresses ?? earlier.publicAddresses ?? [])
  if (!addresses.ok) return addresses
  return ok({
    hostname: hostname.value,
    domain: domain.value,
    first: first.value,
    clients: clients.value,
    port80: port80Held ? port80.value : null,
    publicAddresses: addresses.value,
  })
}
