/** Pebble, the test CA of Let's Encrypt, and its DNS server, from Debian's packages; on loopback, each on ports of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { findProgram } from './peers.ts'
import { freePort } from './ports.ts'
import { until } from './run.ts'

export type Pebble = AsyncDisposable & {
  readonly directory: string
  /** Of the CA that made Pebble's own certificate. */
  readonly caFile: string
  /** PEM of the root under which it issues. */
  root(): Promise<string>
  log(): string
}

export type TestDns = AsyncDisposable & {
  readonly port: number
  /** A name's addresses; all others are 127.0.0.1. */
  setAddress(name: string, address: string): Promise<void>
  setCaa(name: string, issuer: string): Promise<void>
}

const started = (
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): [ChildProcess, () => string] => {
  const program = spawn(findProgram(name) ?? name, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  const keep = (text: Buffer): void => void (log += text.toString())
  program.stdout?.on('data', keep)
  program.stderr?.on('data', keep)
  return [program, () => log]
}

async function ended(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return
  program.kill('SIGKILL')
  await once(program, 'exit')
}

const answers = (url: string): Promise<string | null> =>
  new Promise((resolve) => {
    const request = get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      let text = ''
      response.on('data', (part: Buffer) => (text += part.toString()))
      response.on('end', () => resolve(response.statusCode === 200 ? text : null))
    })
    request.on('error', () => resolve(null))
  })

/** pebble-challtestsrv, as a DNS server alone. */
export async function startTestDns(): Promise<TestDns> {
  const [port, management] = [await freePort(), await freePort()]
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '']
  const [program] = started('pebble-challtestsrv', [
    ...off,
    ...['-dns01', `127.0.0.1:${port}`, '-management', `127.0.0.1:${management}`],
    ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''],
  ])
  const tell = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${management}/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`challtestsrv: ${response.status} to ${path}`)
  }
  await until('challtestsrv', () =>
    tell('set-default-ipv4', { ip: '127.0.0.1' }).then(
      () => true,
      () => null,
    ),
  )
  return {
    port,
    setAddress: (name, address) => tell('add-a', { host: `${name}.`, addresses: [address] }),
    setCaa: (name, value) => tell('add-caa', { host: `${name}.`, policies: [{ tag: 'issue', value }] }),
    [Symbol.asyncDispose]: () => ended(program),
  }
}

/**
 * @param options.folder an empty one
 * @param options.httpPort where it looks for HTTP-01 answers
 * @param options.tlsPort and for those of TLS-ALPN-01
 */
export async function startPebble(options: {
  folder: string
  dnsPort: number
  httpPort: number
  tlsPort: number
}): Promise<Pebble> {
  const { folder, dnsPort, httpPort, tlsPort } = options
  const [port, management] = [await freePort(), await freePort()]
  const own = { directory: folder, names: ['127.0.0.1', 'localhost'], clock: systemClock, random: createSystemRandom() }
  const { caFile } = await localCertificate(own)
  const file = join(folder, 'pebble.json')
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: join(folder, 'leaf.pem'),
    privateKey: join(folder, 'leaf-key.pem'),
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  }
  writeFileSync(file, JSON.stringify({ pebble: settings }))
  const [program, log] = started('pebble', ['-config', file, '-dnsserver', `127.0.0.1:${dnsPort}`], {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: '30',
    PEBBLE_AUTHZREUSE: '0',
  })
  const directory = `https://127.0.0.1:${port}/dir`
  await until('pebble', () => answers(directory))
  return {
    directory,
    caFile,
    root: async () => (await answers(`https://127.0.0.1:${management}/roots/0`)) ?? '',
    log,
    [Symbol.asyncDispose]: () => ended(program),
  }
}
