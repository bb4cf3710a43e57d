/** The web servers that may have port 80, from Debian's packages, each with nothing but the lines that setup prints for it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { until } from './run.ts'

export const WEB_SERVERS = ['nginx', 'apache2', 'caddy'] as const
export type WebServer = (typeof WEB_SERVERS)[number]

type Options = { readonly folder: string; readonly port: number; readonly snippet: string }

/** The whole configuration around the snippet, and how the program is told of it. */
const AROUND: Readonly<Record<WebServer, (options: Options) => { config: string; args: (file: string) => string[] }>> =
  {
    nginx: ({ folder, snippet }) => ({
      config: `daemon off;
pid ${folder}/pid;
error_log stderr;
worker_processes 1;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
${snippet}
}
`,
      args: (file) => ['-p', folder, '-c', file],
    }),
    apache2: ({ folder, port, snippet }) => ({
      config: `ServerName localhost
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
${['mpm_event', 'authz_core', 'alias', 'proxy', 'proxy_http'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User nobody
Group nogroup
Listen 127.0.0.1:${port}
${snippet}
`,
      args: (file) => ['-d', folder, '-f', file, '-DFOREGROUND'],
    }),
    caddy: ({ snippet }) => ({
      config: `{
  admin off
  default_bind 127.0.0.1
}
${snippet}
`,
      args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
    }),
  }

/** @param options.snippet as printed, its ports those of the test */
export async function startWebServer(kind: WebServer, options: Options): Promise<AsyncDisposable> {
  const { folder, port } = options
  mkdirSync(folder, { recursive: true })
  const { config, args } = AROUND[kind](options)
  const file = join(folder, 'config')
  writeFileSync(file, config)
  const program = spawn(findProgram(kind) ?? kind, args(file), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  let log = ''
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
  await until(`${kind} to listen`, async () => {
    if (program.exitCode !== null) throw new Error(log)
    return (await answers(port)) ? true : null
  })
  return {
    async [Symbol.asyncDispose]() {
      if (program.exitCode !== null) return
      program.kill('SIGTERM')
      await once(program, 'exit')
    },
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
