/** A little OpenID Connect issuer on loopback, over HTTPS. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'

export type Issuer = AsyncDisposable & {
  readonly url: string
  readonly caFile: string
  /** What it was asked, by path. */
  readonly asked: readonly string[]
  /** A token for an address; `change` replaces claims. */
  token(email: string, change?: Readonly<Record<string, unknown>>): string
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export async function startIssuer(folder: string, audience: string): Promise<Issuer> {
  const directory = join(folder, 'issuer')
  const names = ['localhost', '127.0.0.1']
  const pair = await localCertificate({ directory, names, clock: systemClock, random: createSystemRandom() })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }) // Short: msmtp reads no long lines.
  const asked: string[] = []
  let url = ''
  const server = createServer(
    { cert: pair.certificate, key: readFileSync(join(directory, 'leaf-key.pem')) },
    (request, response) => {
      asked.push(request.url ?? '')
      const documents: Record<string, object> = {
        '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
        '/keys': { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }] },
      }
      const document = documents[request.url ?? '']
      response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(document ?? {}))
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    url,
    caFile: pair.caFile,
    asked,
    token(email, change = {}) {
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        iss: url,
        aud: audience,
        iat: now,
        exp: now + 300,
        email,
        email_verified: true,
        ...change,
      }
      const signed = `${part({ alg: 'ES256', kid: 'one' })}.${part(claims)}`
      return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
