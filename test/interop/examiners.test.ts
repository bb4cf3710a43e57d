/** ClamAV's daemon and rspamd, from Debian's packages, each started once, on loopback and without the internet. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import type { ArrivedLetter } from '../../src/core/screening/contract.ts'
import type { TraceId } from '../../src/model/ids.ts'
import { JUNK_POINTS } from '../../src/model/limits.ts'
import { createDialler } from '../../src/net/dial.ts'
import { createClamav } from '../../src/outbound/examiners/clamav.ts'
import { createRspamd } from '../../src/outbound/examiners/rspamd.ts'
import { findProgram, peerTest } from './peers.ts'
import { freePort } from './ports.ts'
import { until } from './run.ts'

const dialler = createDialler({ clock: systemClock, random: createSystemRandom() })
/** In two pieces, so that no scanner takes this file for it. */
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')

function letterOf(body: string): ArrivedLetter {
  const head =
    'From: a@far.test\r\nTo: anna@here.test\r\nSubject: hello\r\nDate: Mon, 5 Jan 2026 12:00:00 +0000\r\n\r\n'
  const octets = Buffer.concat([Buffer.from(head), Buffer.from(body)])
  const envelope = {
    reversePath: { localPart: 'a', domain: 'far.test' },
    recipients: [{ address: { localPart: 'anna', domain: 'here.test' } }],
    body: '7BIT',
    smtputf8: false,
    requireTls: false,
  } as const
  return {
    arrival: { remoteAddress: '192.0.2.1', helo: 'mail.far.test', envelope, traceId: 'trace1' as TraceId },
    sizeOctets: octets.length,
    read: async (start, end) => octets.subarray(start, end),
  }
}

const accepts = (port: number): Promise<true | null> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (answer: true | null): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(null))
  })

/** Runs a daemon in the foreground with a folder and a port of its own, and ends it. */
async function withDaemon(
  name: string,
  argumentsFor: (folder: string, port: number) => readonly string[],
  body: (endpoint: { address: string; port: number }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `gavan-${name}-`))
  const port = await freePort()
  let log = ''
  let program: ChildProcess | null = null
  try {
    const running = spawn(findProgram(name) ?? name, argumentsFor(folder, port), { stdio: ['ignore', 'pipe', 'pipe'] })
    program = running
    for (const stream of [running.stdout, running.stderr]) stream.on('data', (text: Buffer) => (log += text.toString()))
    await until(name, () => {
      if (running.exitCode !== null) throw new Error(log)
      return accepts(port)
    })
    await body({ address: '127.0.0.1', port })
  } finally {
    if (program !== null && program.exitCode === null) {
      program.kill('SIGTERM')
      await once(program, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)

peerTest(['clamd'], 'ClamAV: a harmless letter, the EICAR test file', () =>
  withDaemon(
    'clamd',
    (folder, port) => {
      mkdirSync(join(folder, 'db'))
      writeFileSync(join(folder, 'db', 'eicar.ndb'), `Eicar-Test:0:*:${Buffer.from(EICAR).toString('hex')}\n`)
      const lines = ['Foreground yes', `DatabaseDirectory ${folder}/db`, 'TCPAddr 127.0.0.1', `TCPSocket ${port}`]
      writeFileSync(join(folder, 'clamd.conf'), [...lines, 'MaxThreads 2', ''].join('\n'))
      return ['-c', join(folder, 'clamd.conf')]
    },
    async (endpoint) => {
      const clamav = createClamav({ dialler, endpoint })
      assert.deepEqual(await clamav.examine(letterOf('harmless'), signal()), { findings: [], refused: null })
      const infected = await clamav.examine(letterOf(EICAR), signal())
      assert.equal(infected.refused?.code, 550)
      assert.match(infected.findings[0]!.says, /^Eicar-Test\S* is in the letter$/)
    },
  ),
)

peerTest(['rspamd'], 'rspamd: what it says of a letter, and of the GTUBE test letter', () =>
  withDaemon(
    'rspamd',
    (folder, port) => {
      // its own list of top-level domains takes up to a minute to compile.
      writeFileSync(join(folder, 'tld'), 'org\ntest\n')
      const config = `
        options { pidfile = "${folder}/pid"; filters = ""; temp_dir = "${folder}"; url_tld = "${folder}/tld"; disable_hyperscan = true; dns { nameserver = "127.0.0.1:1"; } }
        logging { type = "console"; level = "warning"; }
        actions { reject = 15; "add header" = 6; greylist = 4; }
        worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
      `
      writeFileSync(join(folder, 'rspamd.conf'), config)
      return ['-f', '-i', '-c', join(folder, 'rspamd.conf'), '--var', `DBDIR=${folder}`, '--var', `RUNDIR=${folder}`]
    },
    async (endpoint) => {
      const rspamd = createRspamd({ dialler, endpoint, hostname: 'mx.here.test' })
      const plain = await rspamd.examine(letterOf('How are you?\r\n'), signal())
      assert.equal(plain.refused, null)
      assert.match(plain.findings[0]!.says, /^(no action|greylist), score /)
      assert.equal(plain.findings[0]!.points, 0)
      // https://docs.rspamd.com/other/gtube_patterns
      const junk = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
      const reject = await rspamd.examine(letterOf(`${junk}\r\n`), signal())
      assert.equal(reject.refused?.code, 550)
      assert.ok(reject.findings[0]!.points >= JUNK_POINTS)
    },
  ),
)
