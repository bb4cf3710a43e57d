import { readFile } from 'node:fs/promises'
import { err, ok } from '../../std/result.ts'
import type { Result } from '../../std/result.ts'
import type { CertificatePair } from '../../net/certificates.ts'
import type { Config, ConfigProblem } from './config.ts'

/** The certificates that the configuration names, as PEM. @returns the pairs, or every file that cannot be read */
export async function readCertificates(
  config: Config,
): Promise<Result<readonly CertificatePair[], readonly ConfigProblem[]>> {
  const problems: ConfigProblem[] = []
  const read = async (key: 'tls.cert' | 'tls.key', path: string): Promise<string> => {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      const from = config.sources.get(key) ?? 'default'
      const fix = code === 'EACCES' ? 'make it readable for the user gavan runs as' : null
      problems.push({ key, from, where: config.file ?? '', cause: `${path} cannot be read: ${code}`, fix })
      return ''
    }
  }
  const pairs: CertificatePair[] = []
  for (const { certFile, keyFile } of config.certificates) {
    pairs.push({ certificate: await read('tls.cert', certFile), key: await read('tls.key', keyFile) })
  }
  return problems.length > 0 ? err(problems) : ok(pairs)
}
