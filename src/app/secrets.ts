import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const SECRET_OCTETS = 32

/**
 * The installation's own secret, made at its first start: with it, unknown names get SCRAM keys that look real and do not
 * change (RFC 5802 §9). Not a password; losing it shows at most which names are unknown.
 */
export async function installationSecret(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, 'installation-secret')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const kept = await readFile(path).catch(() => null)
  if (kept !== null && kept.length === SECRET_OCTETS) return kept
  const secret = randomBytes(SECRET_OCTETS)
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(secret)
    await file.sync()
  } finally {
    await file.close()
  }
  return secret
}
