import { readFile } from 'node:fs/promises'
import { SECOND } from '../../std/clock.ts'
import { Secret } from '../../std/secret.ts'
import type { Complain, Values } from './build.ts'
import type { AccessConfig, OauthConfig } from './config.ts'

/** What belongs to an issuer, in the words of the file. */
const NEEDS_ISSUER = {
  oauthAudience: 'oauth.audience',
  oauthClaim: 'oauth.claim',
  oauthScope: 'oauth.scope',
  oauthCaFile: 'oauth.ca_file',
  oauthClientId: 'oauth.client_id',
  oauthClientSecretFile: 'oauth.client_secret_file',
} as const satisfies Partial<Record<keyof Values, string>>

type Read = (key: string, path: string | undefined) => Promise<string | null>

/** How people may sign in, besides their passwords. */
export async function accessOf(
  values: Values,
  inDirectory: (path: string) => string,
  complain: Complain,
): Promise<AccessConfig> {
  const read: Read = async (key, path) => {
    if (path === undefined) return null
    try {
      return await readFile(inDirectory(path), 'utf8')
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      complain(key, `${inDirectory(path)} cannot be read: ${code}`, null)
      return null
    }
  }
  const readCa: Read = async (key, path) => {
    const ca = await read(key, path)
    if (ca !== null && !ca.includes('-----BEGIN CERTIFICATE-----')) complain(key, 'it holds no PEM certificate', null)
    return ca
  }
  const ca = await readCa('tls.client_ca_file', values.tlsClientCaFile)
  if (ca !== null && values.tlsClientCertificates === false) {
    complain('tls.client_ca_file', 'tls.client_certificates is false', 'remove one of the two')
  }
  return {
    clientCertificates: (values.tlsClientCertificates ?? ca !== null) ? { ca } : null,
    oauth: await oauthOf(values, { read, readCa, complain }),
    pop3LoginDelayMs: (values.pop3LoginDelay ?? 0) * SECOND,
  }
}

async function oauthOf(
  values: Values,
  { read, readCa, complain }: { read: Read; readCa: Read; complain: Complain },
): Promise<OauthConfig | null> {
  const { oauthIssuer: issuer, oauthAudience: audiences } = values
  if (issuer === undefined) {
    for (const [value, key] of Object.entries(NEEDS_ISSUER)) {
      if (values[value as keyof typeof NEEDS_ISSUER] === undefined) continue
      complain(key, 'no issuer is named', 'oauth.issuer = "https://id.example.org"')
    }
    return null
  }
  if (audiences === undefined || audiences.length === 0) {
    complain('oauth.audience', 'it is missing: any token of the issuer would do', 'oauth.audience = ["mail"]')
  }
  const { oauthClientId: id, oauthClientSecretFile: file } = values
  const secret = (await read('oauth.client_secret_file', file))?.replace(/\r?\n$/, '') ?? null
  if ((id === undefined) !== (file === undefined)) {
    const missing = id === undefined ? 'oauth.client_id' : 'oauth.client_secret_file'
    complain(missing, 'a client has both an id and a secret', null)
  }
  return {
    issuer,
    audiences: audiences ?? [],
    claim: values.oauthClaim ?? 'email',
    scope: values.oauthScope ?? null,
    ca: await readCa('oauth.ca_file', values.oauthCaFile),
    client: id === undefined || secret === null ? null : { id, secret: new Secret(secret) },
  }
}
