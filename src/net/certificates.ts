import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { err, ok } from '../std/result.ts'
import type { Result } from '../std/result.ts'
import type { CertificateSource } from './contract.ts'
import { SERVER_TLS } from './tls.ts'

/** PEM: the chain, leaf first, and its private key. */
export type CertificatePair = { readonly certificate: string; readonly key: string }

/** Whose certificates of clients are trusted. `ca`: PEM; null: pinned ones alone are known. */
export type ClientTrust = { readonly ca: string | null }

export type CertificateFacts = {
  readonly names: readonly string[]
  /** `ec`, `rsa`, `ed25519`. */
  readonly keyType: string
  /** Epoch milliseconds. */
  readonly notAfter: number
  /** SHA-256 of the certificate, upper-case hex with colons. */
  readonly fingerprint: string
}

export type Certificates = CertificateSource & {
  /**
   * Takes the place of all certificates; running connections keep theirs. The first pair is the default.
   * @returns which pair is wrong and why; then nothing has changed
   */
  replace(pairs: readonly CertificatePair[]): Result<readonly CertificateFacts[], string>
  /** 48 octets, the same on every thread, so that a session resumes wherever it lands. */
  setTicketKeys(keys: Uint8Array): void
  /** Null: clients are not asked for certificates. */
  setClients(clients: ClientTrust | null): void
  /** What answers TLS-ALPN-01, by name; in place of all before. */
  setChallenges(challenges: readonly (CertificatePair & { readonly name: string })[]): void
  facts(): readonly CertificateFacts[]
}

type Loaded = CertificatePair & CertificateFacts

/**
 * Certificates by name. An ECDSA and an RSA certificate of the same name are both offered; the newer of one kind wins.
 * @param options.clients they are asked for certificates where people sign in */
export function createCertificates(
  pairs: readonly CertificatePair[] = [],
  options: { ticketKeys?: Uint8Array; clients?: ClientTrust | null } = {},
): Certificates {
  let { clients = null } = options
  let ticketKeys = options.ticketKeys
  let loaded: readonly Loaded[] = []
  let fallback: SecureContext | null = null
  let byName = new Map<string, SecureContext>()
  let challenges = new Map<string, SecureContext>()

  function build(list: readonly Loaded[]): { fallback: SecureContext | null; byName: Map<string, SecureContext> } {
    const contexts = new Map<string, SecureContext>()
    const contextOf = (chosen: readonly Loaded[]): SecureContext => {
      const key = chosen.map((pair) => pair.fingerprint).join()
      const known = contexts.get(key)
      if (known !== undefined) return known
      const context = createSecureContext({
        ...SERVER_TLS,
        cert: chosen.map((pair) => pair.certificate),
        key: chosen.map((pair) => pair.key),
        ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
        ...(clients === null ? {} : { ca: clients.ca ?? [] }),
      })
      contexts.set(key, context)
      return context
    }
    const names = new Map<string, SecureContext>()
    for (const name of new Set(list.flatMap((pair) => pair.names)))
      names.set(name, contextOf(newestOfEachKind(list, name)))
    const first = list[0]
    const defaultName = first?.names[0]
    return {
      fallback:
        first === undefined
          ? null
          : contextOf(defaultName === undefined ? [first] : newestOfEachKind(list, defaultName)),
      byName: names,
    }
  }

  function replace(next: readonly CertificatePair[]): Result<readonly CertificateFacts[], string> {
    const list: Loaded[] = []
    for (const [index, pair] of next.entries()) {
      const read = load(pair)
      if (!read.ok) return err(`certificate ${index + 1}: ${read.error}`)
      list.push(read.value)
    }
    try {
      ;({ fallback, byName } = build(list))
    } catch (error) {
      return err(error instanceof Error ? error.message : String(error))
    }
    loaded = list
    return ok(list)
  }

  const first = replace(pairs)
  if (!first.ok) throw new Error(first.error)
  return {
    contextFor(serverName) {
      if (serverName === null) return fallback
      const name = serverName.toLowerCase()
      const dot = name.indexOf('.')
      return byName.get(name) ?? (dot > 0 ? byName.get(`*${name.slice(dot)}`) : undefined) ?? fallback // RFC 6125 §6.4.3
    },
    replace,
    setTicketKeys(keys) {
      ticketKeys = keys
      ;({ fallback, byName } = build(loaded))
    },
    setChallenges(list) {
      challenges = new Map(
        list.map(({ name, certificate, key }) => [
          name,
          createSecureContext({ ...SERVER_TLS, cert: certificate, key }),
        ]),
      )
    },
    challengeFor: (serverName) => challenges.get(serverName.toLowerCase()) ?? null,
    facts: () => loaded,
    get clients() {
      return clients === null ? null : { caFile: clients.ca !== null }
    },
    setClients(next) {
      clients = next
      ;({ fallback, byName } = build(loaded))
    },
  }
}

function newestOfEachKind(list: readonly Loaded[], name: string): Loaded[] {
  const chosen = new Map<string, Loaded>()
  for (const pair of list) {
    if (!pair.names.includes(name)) continue
    const rival = chosen.get(pair.keyType)
    if (rival === undefined || pair.notAfter > rival.notAfter) chosen.set(pair.keyType, pair)
  }
  return [...chosen.values()]
}

function load(pair: CertificatePair): Result<Loaded, string> {
  let leaf: X509Certificate
  try {
    leaf = new X509Certificate(pair.certificate)
  } catch {
    return err('not a PEM certificate')
  }
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err(why.includes('mismatch') ? 'the key does not belong to the certificate' : `cannot be used: ${why}`)
  }
  return ok({ ...pair, ...certificateFacts(leaf) })
}

export function certificateFacts(leaf: X509Certificate): CertificateFacts {
  return {
    names: namesOf(leaf),
    keyType: leaf.publicKey.asymmetricKeyType ?? 'unknown',
    notAfter: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256,
  }
}

/** DNS names of the subjectAltName, lower-case. Node quotes values that could be mistaken; those are no host names. */
function namesOf(leaf: X509Certificate): string[] {
  return (leaf.subjectAltName ?? '')
    .split(', ')
    .filter((part) => part.startsWith('DNS:'))
    .map((part) => part.slice('DNS:'.length).toLowerCase())
}
