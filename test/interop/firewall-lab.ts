/**
 * Hosts as network namespaces, joined by cables: nothing leaves the machine. `listen` answers with the address that it saw,
 * `probe` says which doors answer. Everything goes with its scope.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Door = { readonly host: string; readonly port: number; readonly from?: string }
export type Answer = { readonly open: boolean; readonly seenAs: string }

/** How long a door may take that must answer: only a broken test waits so long. */
const MUST_ANSWER_MS = 20_000
/** How long silence is listened to where it is the right answer. */
const SILENCE_MS = 1_000

const LISTENER = `
  const net = require('node:net')
  const ports = JSON.parse(process.argv[1])
  let left = ports.length
  for (const port of ports)
    net
      .createServer((socket) => { socket.on('error', () => {}); socket.end(socket.remoteAddress.replace('::ffff:', '')) })
      .listen({ port, host: '::' }, () => { if (--left === 0) console.log('ready') })
  process.stdin.resume().on('end', () => process.exit())`

const PROBE = `
  const net = require('node:net')
  const { doors, wait } = JSON.parse(process.argv[1])
  const knock = ({ host, port, from }) => new Promise((resolve) => {
    const socket = net.connect({ host, port, ...(from ? { localAddress: from } : {}) })
    let seenAs = ''
    const done = (open) => { clearTimeout(timer); socket.destroy(); resolve({ open, seenAs }) }
    const timer = setTimeout(done, wait, false)
    socket.on('data', (chunk) => { seenAs += chunk }).on('end', () => done(true)).on('error', () => done(false))
  })
  Promise.all(doors.map(knock)).then((answers) => console.log(JSON.stringify(answers)))`

export class Lab implements AsyncDisposable {
  readonly #prefix = `gv${randomBytes(3).toString('hex')}`
  readonly #hosts: string[] = []
  readonly #children: ChildProcess[] = []

  host(name: string): void {
    this.#do('ip', ['netns', 'add', this.#ns(name)])
    this.#hosts.push(name)
    this.run(name, ['ip', 'link', 'set', 'lo', 'up'])
  }

  /** A cable: each end is an interface of that name. */
  cable(one: readonly [host: string, name: string], other: readonly [host: string, name: string]): void {
    const end = ([host, name]: readonly [string, string]): string[] => ['name', name, 'netns', this.#ns(host)]
    this.#do('ip', ['link', 'add', ...end(one), 'type', 'veth', 'peer', ...end(other)])
    for (const [host, name] of [one, other]) this.run(host, ['ip', 'link', 'set', name, 'up'])
  }

  address(host: string, name: string, ...addresses: readonly string[]): void {
    for (const address of addresses) {
      // Without duplicate address detection: the address is there at once.
      this.run(host, ['ip', 'address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : [])])
    }
  }

  /** What leads into a host: arguments of a program are put behind. */
  enter(host: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#ns(host)]
  }

  run(host: string, argv: readonly string[], input = ''): string {
    return this.#do('ip', ['netns', 'exec', this.#ns(host), ...argv], input)
  }

  /** @returns once every port accepts */
  async listen(host: string, ports: readonly number[]): Promise<void> {
    const child = spawn(
      'ip',
      ['netns', 'exec', this.#ns(host), process.execPath, '-e', LISTENER, JSON.stringify(ports)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    this.#children.push(child)
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    assert.equal(line, 'ready')
  }

  /** @param expected what the plan says: it decides only how long to wait for an answer */
  async probe(host: string, doors: readonly Door[], expected: 'open' | 'shut'): Promise<readonly Answer[]> {
    const wait = expected === 'open' ? MUST_ANSWER_MS : SILENCE_MS
    const child = spawn(
      'ip',
      ['netns', 'exec', this.#ns(host), process.execPath, '-e', PROBE, JSON.stringify({ doors, wait })],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0)
    return JSON.parse(Buffer.concat(chunks).toString()) as Answer[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, 'close')
      child.stdin?.end()
      await ended
    }
    for (const host of this.#hosts) this.#do('ip', ['netns', 'delete', this.#ns(host)])
  }

  readonly #ns = (name: string): string => `${this.#prefix}-${name}`

  #do(program: string, args: readonly string[], input = ''): string {
    const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${stderr}${stdout}`)
    return stdout
  }
}
