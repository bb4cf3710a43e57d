/** What ACME keeps: `acme/CA/` in the data folder, one folder per directory, so that another CA begins anew. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateFiles, CertificateState } from '../../core/certificates/contract.ts'
import type { IssuedCertificate } from '../../model/certificate.ts'
import { newEcKey } from '../../net/certificate-requests.ts'
import { keepFile } from '../keep-file.ts'

const PRIVATE = 0o600

export type AcmeFolder = CertificateFiles & {
  /** The account's key, made when there is none; its URL once the CA told it. */
  account(): Promise<{ readonly key: string; readonly url: string | null }>
  keepAccountUrl(url: string): Promise<void>
}

function folderOf(dataDir: string, directoryUrl: string): string {
  const digest = createHash('sha256').update(directoryUrl).digest('hex').slice(0, 8)
  const name = new URL(directoryUrl).hostname.replace(/[^a-z0-9.-]/g, '_')
  return join(dataDir, 'acme', `${name}-${digest}`)
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** One file for both: a chain never stands beside another's key. Null when it is damaged: then a new one is asked for. */
function splitPair(text: string): IssuedCertificate | null {
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text)?.[0]
  const at = text.indexOf('-----BEGIN CERTIFICATE-----')
  if (key === undefined || at === -1) return null
  const certificate = text.slice(at)
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? { key, certificate } : null
  } catch {
    return null
  }
}

/** The certificate that was issued last; null: none yet. */
export async function readPair(dataDir: string, directoryUrl: string): Promise<IssuedCertificate | null> {
  const text = await readIfThere(join(folderOf(dataDir, directoryUrl), 'certificate.pem'))
  return text === null ? null : splitPair(text)
}

/** The key that the next certificate will be for, where one is made ahead; null: none. */
export const readNextKey = (dataDir: string, directoryUrl: string): Promise<string | null> =>
  openAcmeFolder(dataDir, directoryUrl).nextKey()

function isKey(text: string): boolean {
  try {
    createPrivateKey(text)
    return true
  } catch {
    return false
  }
}

export function openAcmeFolder(dataDir: string, directoryUrl: string): AcmeFolder {
  const folder = folderOf(dataDir, directoryUrl)
  const path = (name: string): string => join(folder, name)
  const keep = async (name: string, content: string): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await keepFile(path(name), content, { mode: PRIVATE })
  }

  return {
    async load() {
      const [pair, text] = await Promise.all([readPair(dataDir, directoryUrl), readIfThere(path('state.json'))])
      return { pair, state: text === null ? null : parseState(text) }
    },
    async keepPair(pair) {
      if (pair === null) await rm(path('certificate.pem'), { force: true })
      else await keep('certificate.pem', `${pair.key.trimEnd()}\n${pair.certificate}`)
    },
    keepState: (state) => keep('state.json', `${JSON.stringify(state, null, 2)}\n`),
    async nextKey() {
      const kept = await readIfThere(path('next-key.pem'))
      return kept !== null && isKey(kept) ? kept : null
    },
    keepNextKey: (key) => keep('next-key.pem', `${key.trimEnd()}\n`),
    async account() {
      const [kept, url] = await Promise.all([readIfThere(path('account-key.pem')), readIfThere(path('account-url'))])
      if (kept !== null) return { key: kept, url: url?.trim() ?? null }
      const key = await newEcKey()
      await keep('account-key.pem', key)
      return { key, url: null }
    },
    keepAccountUrl: (url) => keep('account-url', `${url}\n`),
  }
}

/** A damaged state is none: the certificate itself counts. */
function parseState(text: string): CertificateState | null {
  try {
    return JSON.parse(text) as CertificateState
  } catch {
    return null
  }
}
