/** The certificates and ticket keys in use: one copy in the main thread, told to every protocol thread when it changes. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createCertificates, type CertificatePair, type ClientTrust } from '../net/certificates.ts'
import { localCertificate } from '../net/certificate-authority.ts'
import { readPair } from './acme/files.ts'
import { CliError, EXIT } from './cli/output.ts'
import { readCertificates } from './config/certificates.ts'
import type { Config } from './config/config.ts'
import { ACME_DIRECTORIES } from './config/kinds.ts'
import { printProblems } from './config/show.ts'
import { createSystemRandom, systemClock } from './machine.ts'

const TICKET_KEYS_OCTETS = 48

/** Plain data: crosses threads. */
export type TlsMaterial = {
  readonly certificates: readonly CertificatePair[]
  /** Not of our own CA: browsers can know who issued them. */
  readonly trusted: boolean
  /** Null: mail programs are not asked for certificates. */
  readonly clients: ClientTrust | null
  /** Shared by all threads, so that a TLS session resumes whichever thread answers. */
  readonly ticketKeys: Uint8Array
}

export type TlsKeeper = {
  readonly current: TlsMaterial
  /** Of our own CA, when it made the certificate. */
  readonly caFile: string | null
  readonly fingerprint: string | null
  /** Reads the certificates again and changes the ticket keys. @throws CliError; then all stays as it was */
  renew(): Promise<TlsMaterial>
  /** Reads what another configuration names. @returns puts it in the place of what holds. @throws CliError */
  prepare(next: Config): Promise<() => TlsMaterial>
}

type Read = {
  certificates: readonly CertificatePair[]
  trusted: boolean
  caFile: string | null
  fingerprint: string | null
}

/** Of the CA, once it gave one; null until then, or when it cannot be used any more. */
async function issued({ acme, dataDir }: Config): Promise<Read | null> {
  if (acme === null) return null
  const pair = await readPair(dataDir, acme.directory)
  if (pair === null || !createCertificates().replace([pair]).ok) return null
  // Choice: what a test CA or a CA of one's own gives is not promised to browsers (HSTS): they may not know it.
  const trusted = acme.ca === null && acme.directory !== ACME_DIRECTORIES['letsencrypt-staging']
  return { certificates: [pair], trusted, caFile: null, fingerprint: null }
}

async function read(config: Config): Promise<Read> {
  if (config.certificates.length === 0) {
    const given = await issued(config)
    if (given !== null) return given
    const names = [config.hostname, ...config.domains, 'localhost', '127.0.0.1', '::1']
    const directory = join(config.dataDir, 'tls')
    const local = await localCertificate({ directory, names, clock: systemClock, random: createSystemRandom() })
    const { certificate, key, caFile, fingerprint } = local
    return { certificates: [{ certificate, key }], trusted: false, caFile, fingerprint }
  }
  const files = await readCertificates(config)
  if (!files.ok) throw new CliError(EXIT.badConfig, printProblems(files.error), null)
  const usable = createCertificates().replace(files.value)
  if (!usable.ok) throw new CliError(EXIT.badConfig, `tls.cert: ${usable.error}`, 'see tls.cert and tls.key')
  return { certificates: files.value, trusted: true, caFile: null, fingerprint: null }
}

export async function openTlsKeeper(first: Config): Promise<TlsKeeper> {
  let config = first
  let now = await read(config)
  const material = (): TlsMaterial => ({
    certificates: now.certificates,
    trusted: now.trusted,
    clients: config.access.clientCertificates,
    ticketKeys: randomBytes(TICKET_KEYS_OCTETS),
  })
  let current = material()
  return {
    get current() {
      return current
    },
    get caFile() {
      return now.caFile
    },
    get fingerprint() {
      return now.fingerprint
    },
    async renew() {
      const of = config
      const found = await read(of)
      if (of === config) now = found // Another configuration holds by now: what it names was read.
      current = material()
      return current
    },
    async prepare(next) {
      const found = await read(next)
      return () => {
        config = next
        now = found
        current = material()
        return current
      }
    },
  }
}
