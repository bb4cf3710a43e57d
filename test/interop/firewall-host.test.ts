/**
 * Rules for this host in real nftables, iptables and ufw, in network namespaces: a stranger, a server, somebody inside. Real
 * connections prove each cell of the plan, by IPv4 and IPv6; port 22 and the ports and rules of others stay as they were.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext } from 'node:test'
import type { ExposurePlan } from '../../src/exposure/contract.ts'
import type { AllowIn } from '../../src/exposure/firewall/contract.ts'
import { firewallRules } from '../../src/exposure/firewall/render.ts'
import { CLIENTS, planOfLayout } from '../firewall/plans.ts'
import { holdAgainst, INSIDE, OTHER, OUTSIDE, portsOf, SELF, SSH } from './firewall-cells.ts'
import { Lab } from './firewall-lab.ts'
import { FIREWALLD, startFirewalld } from './firewalld.ts'
import { peerTest } from './peers.ts'
import { temporaryFolder } from './world.ts'

const SERVER4 = '203.0.113.10'
const SERVER6 = '2001:db8:1::25'

/** Two cables into the server: one from the internet, one from the VPN. */
function office(): Lab {
  const lab = new Lab()
  for (const host of ['outside', 'server', 'inside']) lab.host(host)
  lab.cable(['outside', 'eth0'], ['server', 'eth0'])
  lab.cable(['inside', 'wg0'], ['server', 'wg0'])
  lab.address('server', 'eth0', `${SERVER4}/24`, `${SERVER6}/64`)
  lab.address('server', 'wg0', '10.8.0.1/24', 'fd00:8::1/64')
  lab.address('outside', 'eth0', '203.0.113.9/24', '2001:db8:1::9/64')
  lab.address('inside', 'wg0', '10.8.0.2/24', 'fd00:8::2/64')
  lab.run('inside', ['ip', 'route', 'add', 'default', 'via', '10.8.0.1'])
  lab.run('inside', ['ip', '-6', 'route', 'add', 'default', 'via', 'fd00:8::1'])
  return lab
}

/** What a tool does with the rules of a plan on the server. */
type Tool = {
  readonly name: string
  readonly needs: readonly string[]
  /** Rules that were there before: what they let through of ports that are not gavan's. */
  readonly before: (lab: Lab) => void | Promise<void>
  readonly othersPass: readonly number[]
  /** Off ports of the plan are not gavan's either. */
  readonly offPasses: boolean
  readonly apply: (lab: Lab, plan: ExposurePlan) => void
  readonly remove: (lab: Lab, plan: ExposurePlan) => void
  readonly list: (lab: Lab) => string
}

const sh = (lab: Lab, script: string): string => lab.run('server', ['sh', '-c', script])

const CLOSED_TABLE = `table inet filter {
  chain input { type filter hook input priority filter; policy drop
    iif "lo" accept
    ct state established,related accept
    meta l4proto ipv6-icmp accept
    tcp dport 22 accept comment "others"
  }
}
`
const OPEN_TABLE = `table inet other { chain input { type filter hook input priority filter; policy accept
    tcp dport 9 drop comment "others"
  }
}
`

function nft(name: string, before: string, allowIn: AllowIn | null): Tool {
  const rules = (plan: ExposurePlan) => firewallRules(plan, 'nftables', { allowIn })
  return {
    name,
    needs: ['nft'],
    before: (lab) => void lab.run('server', ['nft', '-f', '-'], before),
    othersPass: allowIn === null ? [SSH, OTHER] : [SSH],
    offPasses: allowIn === null,
    apply: (lab, plan) =>
      void (allowIn === null
        ? lab.run('server', ['nft', '-f', '-'], rules(plan).text)
        : lab.run('server', ['sh'], rules(plan).text)),
    remove: (lab, plan) => void sh(lab, rules(plan).undo.join('\n')),
    list: (lab) => lab.run('server', ['nft', '-s', 'list', 'ruleset']),
  }
}

function xtables(name: string, closed: boolean): Tool {
  const rules = (plan: ExposurePlan) => firewallRules(plan, 'iptables')
  const both = (lab: Lab, args: string): void => {
    for (const tool of ['iptables', 'ip6tables']) sh(lab, `${tool} ${args}`)
  }
  return {
    name,
    needs: ['iptables', 'ip6tables'],
    before(lab) {
      both(lab, '-N f2b-sshd')
      both(lab, '-A INPUT -p tcp --dport 22 -j f2b-sshd')
      both(lab, '-A INPUT -p tcp --dport 22 -j ACCEPT')
      if (!closed) return
      both(lab, '-A INPUT -i lo -j ACCEPT')
      both(lab, '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT')
      sh(lab, 'ip6tables -A INPUT -p ipv6-icmp -j ACCEPT')
      both(lab, '-A INPUT -j DROP')
    },
    othersPass: closed ? [SSH] : [SSH, OTHER],
    offPasses: !closed,
    apply: (lab, plan) => void lab.run('server', ['sh'], rules(plan).text),
    remove: (lab, plan) => void sh(lab, rules(plan).undo.join('\n')),
    list: (lab) => sh(lab, 'iptables-save; ip6tables-save').replaceAll(/^#.*\n/gm, ''),
  }
}

/** With an /etc/ufw of its own, bound over the real one in a mount namespace that only the command sees. */
function ufw(folder: string): Tool {
  const etc = join(folder, 'etc-ufw')
  const defaults = join(folder, 'default-ufw')
  cpSync('/etc/ufw', etc, { recursive: true })
  cpSync('/etc/default/ufw', defaults)
  mkdirSync(join(etc, 'applications.d'), { recursive: true })
  const bound = join(folder, 'bound.sh')
  writeFileSync(bound, `set -e\nmount --bind ${etc} /etc/ufw\nmount --bind ${defaults} /etc/default/ufw\nexec sh -s\n`)
  const run = (lab: Lab, script: string): string => lab.run('server', ['unshare', '--mount', 'sh', bound], script)
  const rules = (plan: ExposurePlan) => firewallRules(plan, 'ufw')
  return {
    name: 'ufw',
    needs: ['ufw', 'unshare'],
    before: (lab) => void run(lab, "ufw allow 22/tcp comment 'others'\nufw --force enable\n"),
    othersPass: [SSH],
    offPasses: false,
    apply: (lab, plan) => void run(lab, rules(plan).text),
    remove: (lab, plan) => void run(lab, rules(plan).undo.join('\n')),
    list: (lab) =>
      run(lab, 'ufw show added; ls /etc/ufw/applications.d; iptables-save | grep -c . ; ip6tables-save | grep -c .'),
  }
}

/** The daemon itself, behind a D-Bus of its own; it ends with the stack. */
function firewalld(folder: string, stack: AsyncDisposableStack): Tool {
  let bus = ''
  const run = (lab: Lab, script: string): string =>
    lab.run('server', ['env', `DBUS_SYSTEM_BUS_ADDRESS=${bus}`, 'sh', '-c', script])
  const rules = (plan: ExposurePlan) => firewallRules(plan, 'firewalld')
  return {
    name: 'firewalld',
    needs: [...FIREWALLD, 'nft'],
    async before(lab) {
      const daemon = stack.use(await startFirewalld({ folder, enter: lab.enter('server') }))
      ;({ bus } = daemon)
    },
    othersPass: [SSH],
    offPasses: false,
    apply: (lab, plan) => void run(lab, rules(plan).text),
    remove: (lab, plan) => void run(lab, rules(plan).undo.join('\n')),
    list: (lab) =>
      run(
        lab,
        'nft -s list table inet firewalld; firewall-cmd --permanent --list-all; firewall-cmd --permanent --get-ipsets',
      ),
  }
}

/** @param through also by way of the plans of all kinds of clients */
async function prove(t: TestContext, tool: Tool, plan: ExposurePlan, through = true): Promise<void> {
  await using lab = office()
  const ports = portsOf(plan)
  await lab.listen('server', ports)
  const off = plan.rows.filter(({ opening }) => opening === 'off').map(({ port }) => port)
  const others = [...tool.othersPass, ...(tool.offPasses ? off : [])]
  const at = [SERVER4, SERVER6]

  // Before anything is loaded every door answers: what is shut later, the rules have shut.
  for (const host of ['outside', 'inside']) {
    const doors = at.flatMap((address) => ports.map((port) => ({ host: address, port })))
    const answers = await lab.probe(host, doors, 'open')
    assert.ok(answers.every(({ open }) => open))
  }
  await tool.before(lab)
  const before = tool.list(lab)

  tool.apply(lab, plan)
  const once = tool.list(lab)
  assert.notEqual(once, before)
  tool.apply(lab, plan)
  assert.equal(tool.list(lab), once, 'applied twice it is the same')

  let cells = await holdAgainst(lab, plan, { host: 'outside', at, may: OUTSIDE, others })
  cells += await holdAgainst(lab, plan, { host: 'inside', at, may: INSIDE, others })
  cells += await holdAgainst(lab, plan, {
    host: 'server',
    at: ['127.0.0.1', '::1'],
    may: SELF,
    others: [SSH, OTHER, ...off],
  })
  t.diagnostic(`${cells} connections as planned`)

  // From one plan to another and back: nothing of the other stays.
  if (through) {
    for (const clients of CLIENTS) tool.apply(lab, await planOfLayout('public', clients))
    tool.apply(lab, plan)
    assert.equal(tool.list(lab), once, 'other plans leave nothing behind')
  }

  tool.remove(lab, plan)
  assert.equal(tool.list(lab), before, 'removed, nothing is left, and others’ rules are as they were')
}

const TOOLS: readonly Tool[] = [
  nft('nftables, a host that lets everything in', OPEN_TABLE, null),
  nft('nftables, another table that drops what it does not know', CLOSED_TABLE, {
    family: 'inet',
    table: 'filter',
    chain: 'input',
  }),
  xtables('iptables, a host that lets everything in', false),
  xtables('iptables, a chain that ends in drop', true),
]

describe('rules for this host, proved by connections', () => {
  for (const tool of TOOLS)
    for (const clients of CLIENTS)
      peerTest(['root', 'ip', ...tool.needs], `${tool.name}: ${clients}`, async (t) => {
        await prove(t, tool, await planOfLayout('public', clients))
      })
  // ufw takes seconds for each rule: one kind of clients, on the way through all three.
  for (const clients of ['office'] as const)
    peerTest(
      ['root', 'ip', 'ufw', 'unshare', 'iptables'],
      `ufw, which denies what it does not know: ${clients}`,
      async (t) => {
        using folder = temporaryFolder('firewall-ufw')
        await prove(t, ufw(folder.path), await planOfLayout('public', clients))
      },
    )

  // Each of its commands takes a second.
  peerTest(
    ['root', 'ip', 'nft', ...FIREWALLD],
    'firewalld, the daemon, which denies what it does not know: office',
    async (t) => {
      using folder = temporaryFolder('firewall-firewalld')
      await using stack = new AsyncDisposableStack()
      await prove(t, firewalld(folder.path, stack), await planOfLayout('public', 'office'), false)
    },
  )

  peerTest(
    ['root', 'ip', 'nft'],
    'nftables: a ban shuts gavan’s ports and not SSH, and outlives a new set of rules',
    async () => {
      await using lab = office()
      const plan = await planOfLayout('public', 'office')
      await lab.listen('server', [25, SSH])
      const apply = (other: ExposurePlan): string =>
        lab.run('server', ['nft', '-f', '-'], firewallRules(other, 'nftables').text)
      apply(plan)
      lab.run('server', ['nft', 'add', 'element', 'inet', 'gavan', 'banned4', '{ 203.0.113.0/24 timeout 1h }'])
      lab.run('server', ['nft', 'add', 'element', 'inet', 'gavan', 'banned6', '{ 2001:db8:1::9 timeout 1h }'])
      for (const again of [plan, await planOfLayout('public', 'anywhere')]) {
        apply(again)
        const shut = await lab.probe(
          'outside',
          [
            { host: SERVER4, port: 25 },
            { host: SERVER6, port: 25 },
          ],
          'shut',
        )
        assert.deepEqual(
          shut.map(({ open }) => open),
          [false, false],
        )
        const open = await lab.probe(
          'outside',
          [
            { host: SERVER4, port: SSH },
            { host: SERVER6, port: SSH },
          ],
          'open',
        )
        assert.deepEqual(
          open.map(({ open: passes }) => passes),
          [true, true],
        )
      }
      const [inside] = await lab.probe('inside', [{ host: '10.8.0.1', port: 25 }], 'open')
      assert.equal(inside?.open, true)
    },
  )

  for (const format of ['nftables', 'iptables'] as const)
    peerTest(
      ['root', 'ip', 'nft', 'iptables', 'setpriv'],
      `${format}: only one user of the host sends on 25`,
      async () => {
        await using lab = office()
        const plan = await planOfLayout('public', 'office')
        await lab.listen('outside', [25, 443])
        const { text, undo } = firewallRules(plan, format, { onlySender: 'mail' })
        lab.run('server', format === 'nftables' ? ['nft', '-f', '-'] : ['sh'], text)
        const connect = (user: string, host: string, port: number): string =>
          lab.run('server', [
            ...['setpriv', `--reuid=${user}`, '--clear-groups', process.execPath, '-e'],
            `require('node:net').connect(${port}, '${host}').on('connect', () => { console.log('open'); process.exit() }).on('error', (e) => { console.log(e.code) })`,
          ])
        for (const host of ['203.0.113.9', '2001:db8:1::9']) {
          assert.equal(connect('mail', host, 25), 'open\n')
          assert.equal(connect('nobody', host, 25), 'ECONNREFUSED\n')
          assert.equal(connect('nobody', host, 443), 'open\n')
        }
        sh(lab, undo.join('\n'))
        assert.equal(connect('nobody', '203.0.113.9', 25), 'open\n')
      },
    )
})
