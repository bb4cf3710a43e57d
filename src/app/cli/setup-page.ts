/** `gavan setup --web`: the questions on a page, for inner networks alone, on a machine that is not set up yet. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname as ownName, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGuard } from '../../core/guard/guard.ts'
import type { Guard } from '../../core/contract.ts'
import type { Endpoint } from '../../model/connection.ts'
import {
  ONCE_LINK_TOKEN_OCTETS,
  SETUP_PAGE_AFTER_MS,
  SETUP_PAGE_CONNECTIONS_MAX,
  SETUP_PAGE_LIFETIME_MS,
} from '../../model/limits.ts'
import { LOOPBACK_NETWORKS, networksContain, PRIVATE_NETWORKS } from '../../model/network.ts'
import { localCertificate, type LocalCertificate } from '../../net/certificate-authority.ts'
import { createCertificates } from '../../net/certificates.ts'
import { ListenFailed, type Admission, type Listener } from '../../net/contract.ts'
import { createWeb, type Web } from '../../net/http.ts'
import { notFound } from '../../session/web/answers.ts'
import { MINUTE } from '../../std/clock.ts'
import { silentLog, type Log } from '../../std/log.ts'
import { Secret } from '../../std/secret.ts'
import { createSystemRandom, systemClock } from '../machine.ts'
import { lookAround } from '../setup/around.ts'
import type { Around, GivenAnswers } from '../setup/contract.ts'
import { carryOut, outerAddresses, prepareSetup } from '../setup/engine.ts'
import type { Voice } from '../setup/session.ts'
import { aroundLines, printRest, restOf } from '../setup/tell.ts'
import { SETUP_WORDS } from '../setup/words/words.ts'
import { SETUP_PAGE } from '../setup/web/pages.ts'
import { setupSite, type Finished } from '../setup/web/site.ts'
import { CliError, EXIT, print, say } from './output.ts'
import { stopSignal } from './run.ts'
import { mayChange, type Setting } from './setup-common.ts'
import { keysUnread } from './site.ts'

/**
 * Deviation: a command, and a port of its own (UX.md §3.2 has `serve` do it on 443): 443 is the server's, which starts
 * while the page is still being read.
 */
const PAGE_PORT = 2443

/** @throws CliError */
export async function runSetupPage(given: GivenAnswers, setting: Setting): Promise<void> {
  const { flags, places, words, language } = setting
  mayChange(setting)
  const onlyFresh = (): void => {
    if (existsSync(places.config)) throw new CliError(EXIT.failed, ...words.page.configured(places.config))
  }
  onlyFresh()
  print(words.looking)
  const around = await lookAround(places, process.pid)
  const outer = given.publicAddresses ?? []
  printAll(aroundLines(around, outer, setting))

  const token = new Secret(randomBytes(ONCE_LINK_TOKEN_OCTETS).toString('base64url'))
  const guard = createGuard({ clock: systemClock, lifted: () => false })
  const voice = (spoken: Voice['language']): Voice => ({ places, language: spoken, words: SETUP_WORDS[spoken] })
  /** What has begun is waited for, whatever else ends. */
  let underWay: Promise<unknown> = Promise.resolve()
  const end = withResolvers<'ended'>()
  const finish = withResolvers<Finished>()
  let port = 0
  const site = setupSite({
    token,
    voice,
    around,
    outer,
    given,
    async prepare(answers, spoken) {
      onlyFresh()
      const publicAddresses = await outerAddresses(answers.hostname, answers.publicAddresses, around, places)
      return prepareSetup({ ...answers, publicAddresses }, around, null, spoken)
    },
    carryOut(prepared, spoken, done) {
      const work = async (): ReturnType<typeof carryOut> => {
        onlyFresh()
        return carryOut(prepared, spoken, (step) => {
          print(`✓ ${words.done(step)}`)
          done(step)
        })
      }
      const working = work()
      underWay = working.catch(() => {})
      return working
    },
    restOf: (prepared, outcome, spoken) => restOf(prepared, outcome, spoken, keysUnread),
    finished: (what) => {
      if (what.at === 'done') finish.resolve(what)
      else printAll(what.lines)
    },
    ended: () => end.resolve('ended'),
    guard,
    random: createSystemRandom(),
    clock: systemClock,
    port: () => port,
  })

  const stop = stopSignal(['SIGINT', 'SIGTERM', 'SIGHUP'])
  await using shown = await openPage(around, { site, guard, port: portOf(flags.web), words })
  ;({ port } = shown)
  tellLinks(shown, token, around, setting)
  const first = await Promise.race([stop, finish.promise, after(SETUP_PAGE_LIFETIME_MS)])
  await underWay
  if (first === 'over') throw new CliError(EXIT.failed, words.page.over, 'gavan setup --web')
  // A signal in the middle of the work: it has come to its end by now.
  const finished = first === 'signal' ? await Promise.race([finish.promise, Promise.resolve(null)]) : first
  if (finished === null || finished.at !== 'done') throw new CliError(EXIT.cancelled, words.cancelled, null)
  printAll(printRest(await restOf(finished.prepared, finished.outcome, voice(language), keysUnread), setting))
  if (first === 'signal') return
  print(words.page.stays(SETUP_PAGE_AFTER_MS / MINUTE))
  await Promise.race([stop, end.promise, after(SETUP_PAGE_AFTER_MS)])
}

const printAll = (lines: readonly string[]): void => lines.forEach((line) => print(line))

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>()
  return { promise, resolve }
}

const after = (ms: number): Promise<'over'> =>
  new Promise((resolve) => void setTimeout(() => resolve('over'), ms).unref())

function portOf(web: true | string | undefined): number {
  if (web === undefined || web === true) return PAGE_PORT
  const port = Number(web)
  if (/^\d{1,5}$/.test(web) && port <= 65_535) return port
  throw new CliError(EXIT.usage, `"${web}" is no port`, 'gavan setup --web 8443')
}

// The listeners --------------------------------------------------------------------------------------------------------------

type Page = AsyncDisposable & {
  readonly port: number
  /** Those that it listens on. */
  readonly addresses: readonly string[]
  readonly certificate: LocalCertificate
}

const LAST_ANSWER_MS = 2000

const LOOPBACK = ['127.0.0.1', '::1']
const INNER = [...LOOPBACK_NETWORKS, ...PRIVATE_NETWORKS]

/** On loopback and on addresses of inner networks; and whoever comes there from elsewhere is refused all the same (S31). */
async function openPage(
  { facts }: Around,
  options: {
    site: Parameters<typeof createWeb>[0]['sites']['https']
    guard: Guard
    port: number
    words: Voice['words']
  },
): Promise<Page> {
  const { site, guard, words } = options
  const inner = facts.addresses.filter(({ scope }) => scope === 'private').map(({ address }) => address)
  const wanted = [...LOOPBACK, ...inner]
  const certificate = await ownCertificate([ownName(), 'localhost', ...wanted])
  const certificates = createCertificates([certificate])
  const web = createWeb({
    clock: systemClock,
    log: failuresAloud,
    certificates,
    sites: { http: () => notFound, https: site },
    limits: { connectionsMax: SETUP_PAGE_CONNECTIONS_MAX },
  })
  const listeners: Listener[] = []
  let { port } = options
  for (const address of wanted) {
    const listener = await listenAt(web, address, port, guard, words)
    if (listener === null) continue
    listeners.push(listener)
    port = listener.endpoint.port // The same for all, when the system chose it.
  }
  return {
    port,
    addresses: listeners.map(({ endpoint }) => endpoint.address),
    certificate,
    async [Symbol.asyncDispose]() {
      // The last page is on its way yet.
      await Promise.all(listeners.map((listener) => listener.stop()))
      await Promise.race([Promise.all(listeners.map((listener) => listener.drained())), after(LAST_ANSWER_MS)])
      for (const listener of listeners) await listener[Symbol.asyncDispose]()
    },
  }
}

/** @returns null when this machine lacks the address: IPv6 is off */
async function listenAt(
  web: Web,
  address: string,
  port: number,
  guard: Guard,
  words: Voice['words'],
): Promise<Listener | null> {
  const admit = ({ address: remote }: Endpoint): Admission => {
    if (!networksContain(INNER, remote)) return { at: 'refused', why: 'not-inside' }
    const left = guard.connect('access', remote)
    return left === null ? { at: 'refused', why: 'too-many' } : { at: 'welcome', left }
  }
  try {
    return await web.listen({ service: 'https', address, port, tls: 'implicit', shared: false, admit })
  } catch (error) {
    if (!(error instanceof ListenFailed)) throw error
    if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') return null
    if (error.code === 'EADDRINUSE') throw new CliError(EXIT.failed, ...words.page.portHeld(port))
    throw new CliError(EXIT.failed, error.message, null)
  }
}

/** Kept nowhere: the server makes its own. */
async function ownCertificate(names: readonly string[]): Promise<LocalCertificate> {
  const directory = await mkdtemp(join(tmpdir(), 'gavan-setup-'))
  try {
    return await localCertificate({ directory, names, clock: systemClock, random: createSystemRandom() })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const failuresAloud: Log = {
  ...silentLog,
  error: ({ event, cause }) =>
    say(`${event}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`),
}

// What the terminal says ---------------------------------------------------------------------------------------------------

function tellLinks({ port, addresses, certificate }: Page, token: Secret, { facts }: Around, { words }: Setting): void {
  const linkAt = (address: string): string =>
    `https://${address.includes(':') ? `[${address}]` : address}:${port}${SETUP_PAGE}?once=${token.reveal()}`
  print('')
  print(words.page.open(SETUP_PAGE_LIFETIME_MS / MINUTE))
  const inner = addresses.filter((address) => !LOOPBACK.includes(address))
  for (const address of inner) print(`  ${linkAt(address)}`)
  print(`  ${linkAt('127.0.0.1')}   ${words.page.here}`)
  if (inner.length === 0) {
    const host = facts.addresses.find(({ scope, family }) => scope === 'global' && family === 4)?.address ?? ownName()
    print(words.page.tunnel(`ssh -L ${port}:127.0.0.1:${port} root@${host}`))
  }
  print(words.page.warns(certificate.fingerprint))
  print(words.page.stop)
}
