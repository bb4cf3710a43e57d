/** The certificate's keeper, put together for the main thread. Loaded only where a CA is asked. */
import { createCertificateKeeper } from '../../core/certificates/keeper.ts'
import { certificateNames } from '../../core/certificates/names.ts'
import { preflight } from '../../core/certificates/preflight.ts'
import type { CertificateKeeper, KeeperParts } from '../../core/certificates/contract.ts'
import type { CertificateAuthority, ChallengeSolver } from '../../model/certificate.ts'
import type { Endpoint } from '../../model/connection.ts'
import { ACME_ANSWER_MAX_OCTETS, ACME_REQUEST_TIMEOUT_MS, ACME_SELF_CHECK_TIMEOUT_MS } from '../../model/limits.ts'
import { certificateRequest, newEcKey } from '../../net/certificate-requests.ts'
import type { Resolver } from '../../model/dns.ts'
import { createDnsUpdater } from '../../net/dns-update.ts'
import { createHttpsFetch, fetchPlain } from '../../net/https-fetch.ts'
import { createResolver } from '../../net/resolver.ts'
import { createAuthority } from '../../outbound/acme/authority.ts'
import type { Clock } from '../../std/clock.ts'
import type { Log } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import { token, type Random } from '../../std/random.ts'
import type { AcmeConfig, Config, ServiceConfig } from '../config/config.ts'
import { ACME_DIRECTORIES } from '../config/kinds.ts'
import { ownAddresses } from '../preflight.ts'
import { VERSION } from '../version.ts'
import { alpnSolver, dnsSolver, httpSolver, type AnswerBoard } from './answers.ts'
import { openAcmeFolder } from './files.ts'

export type AcmeParts = {
  readonly config: Config
  readonly acme: AcmeConfig
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly board: AnswerBoard
  /** Those that listen. */
  readonly services: readonly ServiceConfig[]
  /** Why some do not. */
  readonly notes: readonly string[]
  readonly resolvers: readonly Endpoint[]
  readonly domains: () => Promise<readonly string[]>
  readonly use: KeeperParts['use']
}

const RANDOM_TOKEN_CHARACTERS = 32
const HTTP_PORT = 80

export async function startAcme(parts: AcmeParts): Promise<{ keeper: CertificateKeeper; stop(): Promise<void> }> {
  const { config, acme, clock, random, board } = parts
  const stopping = new AbortController()
  const resolverAt = (servers: readonly Endpoint[]): Resolver => createResolver({ clock, random, servers })
  const resolver = resolverAt(parts.resolvers)
  const { authority, folder } = await authorityAt(parts, acme.directory, stopping.signal)
  const isLetsEncrypt = acme.directory === ACME_DIRECTORIES.letsencrypt
  const staging = isLetsEncrypt
    ? (await authorityAt(parts, ACME_DIRECTORIES['letsencrypt-staging'], stopping.signal)).authority
    : null
  const solvers = solversOf(parts, resolver, (server) => resolverAt([server]), stopping.signal)
  const http = parts.services.find(({ service }) => service === 'http')

  const fetchOwnToken = async (name: string, address: string): Promise<string | null> => {
    const ours = ownAddresses().includes(address)
    // Through the program that hands on to us, as the CA will come.
    const port = ours && http?.handedOn !== true ? (http?.port ?? HTTP_PORT) : HTTP_PORT
    const path = `check-${token(random, RANDOM_TOKEN_CHARACTERS)}`
    await board.addToken(path, path)
    try {
      const bounds = { timeoutMs: ACME_SELF_CHECK_TIMEOUT_MS, answerMaxOctets: 4096, signal: stopping.signal }
      const to = { address, port, name, path: `/.well-known/acme-challenge/${path}` }
      const { status, body } = await fetchPlain(to, bounds)
      return status === 200 && body === path ? null : `something else answers on port ${port} (${status})`
    } catch (error) {
      return `port ${port}: ${error instanceof Error ? error.message : String(error)}`
    } finally {
      await board.removeToken(path)
    }
  }

  const keeper = createCertificateKeeper({
    clock,
    random,
    log: parts.log,
    metrics: parts.metrics,
    files: folder,
    authority,
    staging,
    wantedNames: async () => {
      const domains = await parts.domains()
      return certificateNames({ hostname: config.hostname, domains, more: acme.names })
    },
    preflight: (names, via) =>
      preflight(
        {
          lookUp: resolver,
          ownAddresses,
          identity: async () => {
            const known = await authority.identity()
            return known.ok ? known.value : null
          },
          fetchOwnToken,
        },
        names,
        via,
      ),
    solvers: () => solvers,
    notes: () => parts.notes,
    profile: acme.profile,
    keyPolicy: acme.key,
    newKey: newEcKey,
    use: parts.use,
  })
  await keeper.start()
  return {
    keeper,
    async stop() {
      const stopped = keeper.stop()
      stopping.abort()
      await stopped
    },
  }
}

async function authorityAt(
  { config, acme, clock }: AcmeParts,
  directoryUrl: string,
  signal: AbortSignal,
): Promise<{ authority: CertificateAuthority; folder: ReturnType<typeof openAcmeFolder> }> {
  const folder = openAcmeFolder(config.dataDir, directoryUrl)
  const bounds = { timeoutMs: ACME_REQUEST_TIMEOUT_MS, answerMaxOctets: ACME_ANSWER_MAX_OCTETS }
  const { contact, binding } = acme
  const authority = createAuthority({
    directoryUrl,
    fetch: createHttpsFetch({ ...bounds, signal, ca: acme.ca }),
    clock,
    signal,
    userAgent: `gavan/${VERSION}`,
    account: await folder.account(),
    keepAccountUrl: (url) => folder.keepAccountUrl(url),
    accountOptions: {
      contact,
      binding: binding === null ? null : { keyId: binding.keyId, macKey: binding.macKey.reveal() },
    },
    requestFor: certificateRequest,
  })
  return { authority, folder }
}

/** The best first: one that needs no port; then port 80, which shows a mistake to people too; then 443. */
function solversOf(
  parts: AcmeParts,
  resolver: Resolver,
  resolverAt: (server: Endpoint) => Resolver,
  signal: AbortSignal,
): readonly ChallengeSolver[] {
  const { acme, board, clock, random, services } = parts
  if (acme.dns !== null) {
    const { server, zone, key } = acme.dns
    const updater = createDnsUpdater({ clock, random, server, zone, key })
    return [dnsSolver({ updater, clock, signal, zone, resolver, resolverAt, server })]
  }
  // Choice: a port for inner networks only is none for a CA, which looks from outside.
  const isOpen = (wanted: ServiceConfig['service']): boolean =>
    services.some(({ service, networks }) => service === wanted && networks === 'anywhere')
  return [
    ...(isOpen('http') ? [httpSolver(board)] : []),
    ...(isOpen('https') ? [alpnSolver(board, { clock, random })] : []),
  ]
}
