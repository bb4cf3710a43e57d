/**
 * The recorded walk, docs/walk.txt: set up, open the firewall, serve, get a certificate, ask the doctor. All of it runs here,
 * on a machine of its own with a DNS server and a CA; `npm test -- walk --update` writes the record anew.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { localCertificate } from '../../src/net/certificate-authority.ts'
import { ROOT } from '../../tools/tree.ts'
import { findProgram, peerTest } from '../interop/peers.ts'
import { until } from '../interop/run.ts'
import { temporaryFolder } from '../interop/world.ts'
import { MACHINE_PEERS, startFreshMachine, type FreshMachine } from './fresh-machine.ts'
import { printedBy, skeleton, startWalk } from './walk.ts'

const RECORD = join(ROOT, 'docs/walk.txt')
const HOST = 'mail.example.org'
/** A stranger on the other end of the wire. */
const OUTSIDE = '203.0.113.1'

/** Where mail went before; it is at the stranger's. */
const OLD_HOST = 'mx.oldhost.example'

/** For what comes by itself, on a machine with much else to do. */
const PATIENCE_MS = 120_000

const HEAD = `A walk through gavan: from an empty machine to a mail server with its ports in order.

Made by test/system/walk.test.ts, which really runs all of this: on a machine of its own with the address 203.0.113.10, a
DNS server (Knot) for example.org, a CA (Pebble in place of Let's Encrypt), and another host on the internet, 203.0.113.1.
Lines after $ are typed, everything else is as it was printed. No systemd runs there, so the server is started by hand.
`

peerTest(
  [...MACHINE_PEERS, 'knotd', 'pebble', 'nft', 'curl', 'swaks', 'python3'],
  'the recorded walk: setup, DNS, firewall, certificate, doctor',
  async () => {
    using folder = temporaryFolder('walk')
    await using machine = await startFreshMachine()
    const dns = await startDns(machine, folder.path)
    const outside = await startOutside(machine)
    const pebble = await startCa(machine, folder.path)
    const walk = startWalk(machine)

    walk.tell('Which ports will it need? This can be asked before anything is set up.')
    await walk.type('gavan ports')
    walk.tell('Four questions, the last only where port 80 is held. Enter accepts what stands in brackets.')
    const setup = await walk.type(`gavan setup ${HOST}`, ['', 'anna@example.org', '3', 'y'])
    assert.match(setup, /✗ MX .*points to mx\.oldhost\.example/)

    walk.tell('The settings that it wrote.')
    await walk.type('cat /etc/gavan/gavan.toml')
    walk.tell('The records, for a DNS server that reads zone files; SPF as setup merged it. Published; the PTR too.')
    const zone = await walk.type('gavan dns --zone')
    const spf = /(v=spf1 mx include:\S+ \S+)/.exec(setup)?.[1]
    assert.ok(spf !== undefined, setup)
    await dns.publish(zone.replaceAll(/"v=spf1 mx -all"/g, `"${spf}"`))

    walk.tell('The firewall of this machine.')
    await walk.type('gavan firewall --format nftables | tee gavan.nft')
    const loaded = await walk.type('nft -f gavan.nft && nft list tables')
    assert.match(loaded, /table inet gavan/)

    walk.tell('The server, started by the line that setup printed. (GAVAN_TLS_… leads it to the CA of this test.)')
    const line = /^ +(setpriv .* serve)$/m.exec(setup)?.[1] ?? ''
    const acme = `GAVAN_TLS_ACME=${pebble.directory} GAVAN_TLS_ACME_CA_FILE=${pebble.caFile}`
    await walk.type(`env ${acme} ${line} 2> gavan.log > gavan.out &`)
    await until(
      'a certificate',
      async () => {
        const ran = await machine.gavan('cert', 'status', '--json')
        return ran.code === 0 && (JSON.parse(ran.stdout) as { source: string }).source === 'acme' ? true : null
      },
      PATIENCE_MS,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${(await machine.run('cat', ['gavan.log'])).stdout}`)
    })
    walk.tell('The certificate has come by itself.')
    await walk.type('gavan cert status')

    walk.tell('A letter from outside, and what a stranger there can reach.')
    const sent = await outside(`swaks --server ${HOST} --from boris@example.net --to anna@example.org --tls --hide-all`)
    assert.equal(sent.code, 0, sent.all)
    const probe = await outside(`gavan probe ${HOST}`)
    walk.show('outside$', `gavan probe ${HOST}`, probe.stdout)
    await walk.type('gavan user list')

    walk.tell(`The doctor. (--outgoing: the one mail server of others that there is.)`)
    const doctor = await walk.type(`gavan doctor --outgoing ${OLD_HOST}:25`)
    assert.doesNotMatch(doctor, /✗/, doctor)
    assert.match(doctor, /✓ outgoing 25, IPv4/)
    walk.tell('Setup again, with another answer: what differs, and nothing else.')
    await walk.type('gavan setup --clients office --no-input | sed -n "/^Plan/,/^ *open/p"')

    const text = `${HEAD}${walk.text()}`.replaceAll(folder.path, '/tmp/test')
    if (process.env['GAVAN_UPDATE_GOLDEN'] === '1') writeFileSync(RECORD, text)
    // What other commands print changes as they do; that they do what they should is asserted above.
    const record = readFileSync(RECORD, 'utf8')
    const anew = 'npm test -- walk --update writes it anew'
    assert.deepEqual(skeleton(text), skeleton(record), anew)
    for (const command of [`gavan setup ${HOST}`, 'cat /etc/gavan/gavan.toml'])
      assert.equal(printedBy(text, command), printedBy(record, command), anew)
  },
)

type Published = { publish(zone: string): Promise<void> }

/** The domain as it is before: mail goes to an older host. */
async function startDns(machine: FreshMachine, folder: string): Promise<Published> {
  const at = (name: string): string => join(folder, name)
  mkdirSync(at('run'))
  mkdirSync(at('db'))
  const head = (serial: number): string => `$TTL 60
@ SOA ns.example.org. hostmaster.example.org. ${serial} 3600 600 86400 60
@ NS ns.example.org.
`
  const names = `ns.example.org. A ${machine.address}\n`
  const reverse = machine.address.split('.').slice(0, 3).toReversed().join('.')
  const old = `@ MX 10 ${OLD_HOST}.\n@ TXT "v=spf1 include:oldhost.example -all"\n`
  writeFileSync(at('example.org'), `$ORIGIN example.org.\n${head(1)}${names}${old}`)
  writeFileSync(at('oldhost.example'), `$ORIGIN oldhost.example.\n${head(1)}mx A ${OUTSIDE}\n`)
  writeFileSync(at('reverse'), `$ORIGIN ${reverse}.in-addr.arpa.\n${head(1)}`)
  const zoneOf = (domain: string, file: string): string => `  - domain: ${domain}.\n    file: "${at(file)}"\n`
  writeFileSync(
    at('knot.conf'),
    `server:
  rundir: "${at('run')}"
  listen: ${machine.address}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: "${at('db')}"
zone:
${zoneOf('example.org', 'example.org')}${zoneOf('oldhost.example', 'oldhost.example')}${zoneOf(`${reverse}.in-addr.arpa`, 'reverse')}`,
  )
  await machine.run('sh', ['-c', `echo nameserver ${machine.address} > /etc/resolv.conf`])
  const program = machine.start(findProgram('knotd') ?? 'knotd', ['-c', at('knot.conf')])
  let log = ''
  program.stderr?.on('data', (text: Buffer) => (log += text.toString()))
  await until('knotd', () => {
    if (program.exitCode !== null) throw new Error(log)
    return log.includes('server started') ? true : null
  })
  return {
    async publish(zone) {
      writeFileSync(at('example.org'), `$ORIGIN example.org.\n${head(2)}${names}${zone}`)
      const last = machine.address.split('.')[3]
      writeFileSync(at('reverse'), `$ORIGIN ${reverse}.in-addr.arpa.\n${head(2)}${last} PTR ${HOST}.\n`)
      const ran = await machine.run('knotc', ['-b', '-s', at('run/knot.sock'), 'zone-reload'])
      assert.equal(ran.code, 0, ran.all)
    },
  }
}

/** The other end of the wire: its own network, with something that listens on 25. */
async function startOutside(machine: FreshMachine): Promise<(command: string) => ReturnType<FreshMachine['run']>> {
  const holder = machine.start('unshare', ['-n', 'sh', '-c', 'echo ready; exec sleep infinity'])
  await until('the network outside', () => (holder.stdout?.read() === null ? null : true))
  const network = `--net=/proc/${holder.pid}/ns/net`
  const inThere = (command: string): ReturnType<FreshMachine['run']> =>
    machine.run('nsenter', [network, 'sh', '-c', command])
  await machine.run('ip', ['link', 'set', 'nowhere', 'netns', String(holder.pid)])
  const up = await inThere(`ip link set lo up && ip addr add ${OUTSIDE}/24 dev nowhere && ip link set nowhere up`)
  assert.equal(up.code, 0, up.all)
  machine.start('nsenter', [network, 'python3', '-m', 'http.server', '25'])
  await until('25 outside', async () =>
    (await inThere(`grep -q ":0019 .* 0A " /proc/net/tcp`)).code === 0 ? true : null,
  )
  return inThere
}

async function startCa(machine: FreshMachine, folder: string): Promise<{ directory: string; caFile: string }> {
  const own = join(folder, 'pebble')
  mkdirSync(own)
  const names = ['127.0.0.1', 'localhost']
  const { caFile } = await localCertificate({ directory: own, names, clock: systemClock, random: createSystemRandom() })
  const settings = {
    listenAddress: '127.0.0.1:14000',
    managementListenAddress: '127.0.0.1:15000',
    certificate: join(own, 'leaf.pem'),
    privateKey: join(own, 'leaf-key.pem'),
    httpPort: 80,
    tlsPort: 443,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  }
  writeFileSync(join(own, 'pebble.json'), JSON.stringify({ pebble: settings }))
  const args = ['-config', join(own, 'pebble.json'), '-dnsserver', `${machine.address}:53`]
  machine.start('env', ['PEBBLE_VA_NOSLEEP=1', 'pebble', ...args])
  const directory = 'https://127.0.0.1:14000/dir'
  await until('pebble', async () => ((await machine.run('curl', ['-ksf', directory])).code === 0 ? true : null))
  await machine.run('chmod', ['-R', 'a+rX', own])
  return { directory, caFile }
}
