import { chmodSync, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../test/interop/ports.ts'
import { run } from '../../test/interop/run.ts'
import { greets } from '../load/wire.ts'
import { startDovecot, type Certificate } from './dovecot.ts'
import { startPostfix } from './postfix.ts'
import { DOMAIN, type Ports, type RunningServer, type StartOptions } from './server.ts'

/** P-256 and ECDSA, as gavan's own certificates. */
async function makeCertificate(folder: string): Promise<Certificate> {
  mkdirSync(folder, { recursive: true })
  const made = { key: join(folder, 'key.pem'), certificate: join(folder, 'certificate.pem') }
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.${DOMAIN}`.split(
    ' ',
  )
  args.push('-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', made.key, '-out', made.certificate)
  const ran = await run('openssl', args)
  if (ran.code !== 0) throw new Error(ran.all)
  return made
}

/** What can be made before the start is counted, so that a cold start is that of the servers alone. */
export async function preparePeer(options: StartOptions): Promise<() => Promise<RunningServer>> {
  const { folder, users, sinkPort } = options
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  const ports = {} as Record<keyof Ports, number>
  for (const name of ['mx', 'submission', 'imap', 'imaps', 'pop3', 'pop3s'] as const) ports[name] = await freePort()
  const tls = await makeCertificate(join(folder, 'tls'))
  const queue = join(folder, 'queue')
  mkdirSync(join(queue, 'private'), { recursive: true })
  return async () => {
    const shared = { queue, ports, tls, users }
    const [dovecot, postfix] = await Promise.all([
      startDovecot({ ...shared, folder }),
      startPostfix({ ...shared, folder: join(folder, 'postfix'), sinkPort }),
    ])
    return {
      facts: {
        name: 'postfix+dovecot',
        folder,
        domain: DOMAIN,
        ports,
        users,
        sinkPort,
        pids: [dovecot.pid, postfix.pid],
      },
      async [Symbol.asyncDispose]() {
        await Promise.all([dovecot[Symbol.asyncDispose](), postfix[Symbol.asyncDispose]()])
      },
    }
  }
}

/** Resolves once every port greets. */
export async function startPeer(options: StartOptions): Promise<RunningServer> {
  const start = await preparePeer(options)
  const running = await start()
  try {
    await everyPortGreets(running.facts.ports)
  } catch (error) {
    for (const log of ['dovecot.log', 'postfix/mail.log'])
      console.error(await readFile(join(options.folder, log), 'utf8').catch(() => `no ${log}`))
    await running[Symbol.asyncDispose]()
    throw error
  }
  return running
}

const POLL_MS = 5
const TIMEOUT_MS = 30_000

export async function everyPortGreets(ports: Ports): Promise<void> {
  const until = performance.now() + TIMEOUT_MS
  const one = async (port: number, tls: boolean): Promise<void> => {
    while (!(await greets(port, tls))) {
      if (performance.now() > until) throw new Error(`port ${port} does not greet`)
      await wait(POLL_MS)
    }
  }
  const { mx, submission, imap, imaps, pop3, pop3s } = ports
  await Promise.all([
    ...[mx, submission, imap, pop3].map((port) => one(port, false)),
    ...[imaps, pop3s].map((port) => one(port, true)),
  ])
}
