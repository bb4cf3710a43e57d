import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file so that after a crash there is the old or the new one, whole: a temporary file beside it, on the device
 * before it takes the old one's place.
 * @param owner when root writes for another user
 * @throws when it cannot; then the old one is as it was
 */
export async function keepFile(
  path: string,
  content: string | Uint8Array,
  options: { mode: number; owner?: { uid: number; gid: number } | undefined },
): Promise<void> {
  const temporary = `${path}.new-${process.pid}`
  try {
    const file = await open(temporary, 'wx', options.mode)
    try {
      await file.chmod(options.mode) // Whatever the umask says.
      if (options.owner !== undefined) await file.chown(options.owner.uid, options.owner.gid)
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
