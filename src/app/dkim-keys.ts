/** The keys with which our domains will sign their mail: `dkim/DOMAIN/SELECTOR.pem` in the data folder. */
import { createPrivateKey, generateKeyPair } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { printDkimRecord } from '../mailauth/dkim/key-record.ts'
import { DKIM_RSA_BITS } from '../model/limits.ts'
import { keepFile } from './keep-file.ts'

export type DkimKey = {
  readonly selector: string
  /** What the domain publishes at `SELECTOR._domainkey.DOMAIN`. */
  readonly record: string
  /** PEM, PKCS #8. */
  readonly key: string
}

const generate = promisify(generateKeyPair)

/** @returns the domain's keys, by selector; none when it has none. @throws when a file there is no key */
export async function readDkimKeys(dataDir: string, domain: string): Promise<DkimKey[]> {
  const directory = join(dataDir, 'dkim', domain)
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const keys = names.filter((name) => name.endsWith('.pem')).toSorted()
  return Promise.all(
    keys.map(async (name) => {
      const key = await readFile(join(directory, name), 'utf8')
      return { selector: name.slice(0, -'.pem'.length), record: printDkimRecord(createPrivateKey(key)), key }
    }),
  )
}

/** Selectors of ours count up. */
export const newestFirst = (keys: readonly DkimKey[]): DkimKey[] =>
  keys.toSorted((a, b) => b.selector.localeCompare(a.selector, 'en', { numeric: true }))

type Owner = { uid: number; gid: number }

/** A domain's first keys. Those that are there stay. */
export async function ensureDkimKeys(dataDir: string, domain: string, owner?: Owner): Promise<DkimKey[]> {
  const kept = await readDkimKeys(dataDir, domain)
  if (kept.length > 0) return kept
  await makeDkimKeys(dataDir, domain, owner)
  return readDkimKeys(dataDir, domain)
}

/** The next pair: one that every verifier knows, and a short one (RFC 8463 §3.1). @returns their selectors */
export async function makeDkimKeys(dataDir: string, domain: string, owner?: Owner): Promise<string[]> {
  const numbers = (await readDkimKeys(dataDir, domain)).map(({ selector }) =>
    Number(/^gv(\d+)$/.exec(selector)?.[1] ?? 0),
  )
  const next = Math.max(0, ...numbers) + 1
  const directory = join(dataDir, 'dkim', domain)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const [rsa, ed25519] = await Promise.all([generate('rsa', { modulusLength: DKIM_RSA_BITS }), generate('ed25519')])
  const pairs = [
    [`gv${next}`, rsa.privateKey],
    [`gv${next + 1}`, ed25519.privateKey],
  ] as const
  for (const [selector, key] of pairs) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' })
    await keepFile(join(directory, `${selector}.pem`), pem, { mode: 0o600, owner })
  }
  return pairs.map(([selector]) => selector)
}
