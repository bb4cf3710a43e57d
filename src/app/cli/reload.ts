/** `gavan reload`: the running server goes by the configuration as it is now. */
import type { Command } from 'commander'
import { adminOverSocket } from '../admin/http.ts'
import type { ReloadOutcome } from '../reload/reload.ts'
import { configPath, readConfig } from './config.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'

export type Asked = ReloadOutcome | { readonly at: 'none' } | { readonly at: 'not-allowed' }

const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED'])
const NOT_ALLOWED = new Set(['EACCES', 'EPERM'])

/** @returns what the running server made of it; or that none runs, or that this user may not ask it */
export async function askReload(socket: string): Promise<Asked> {
  try {
    const { status, body } = await adminOverSocket(socket).handle('POST', '/v1/reload', undefined)
    if (status === 200) return body['reload'] as ReloadOutcome
    const { why = 'cannot', problems } = body as { why?: 'cannot'; problems?: readonly string[] }
    const { cause } = body['error'] as { cause: string }
    return { at: 'refused', why, problems: problems ?? [cause] }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (NOBODY_THERE.has(code)) return { at: 'none' }
    if (NOT_ALLOWED.has(code)) return { at: 'not-allowed' }
    throw error
  }
}

/** @throws CliError */
export async function runReload(command: Command): Promise<void> {
  const { admin } = await readConfig(configPath(command))
  const asked = await askReload(admin.socket)
  switch (asked.at) {
    case 'none':
      throw new CliError(
        EXIT.serverDown,
        `no server answers on ${admin.socket}`,
        'start it: gavan serve. (An admin.socket that was changed needs a restart: systemctl restart gavan)',
      )
    case 'not-allowed':
      throw new CliError(EXIT.notAllowed, `not allowed to open ${admin.socket}`, 'run as root or as the user gavan')
    case 'refused': {
      const code = asked.why === 'bad-file' ? EXIT.badConfig : EXIT.failed
      const fix = asked.why === 'needs-restart' ? 'systemctl restart gavan; nothing was changed' : null
      throw new CliError(code, asked.problems.join('\n'), fix)
    }
    case 'done':
      break
  }
  const { changed, notes } = asked
  if (command.optsWithGlobals()['json'] === true) return printJson({ reload: asked })
  for (const { key, from, to } of changed) print(`${key}: ${from ?? 'not set'} → ${to ?? 'not set'}`)
  if (changed.length === 0) print('No key has changed; certificates were read again.')
  for (const note of notes) say(`! ${note}`)
}
