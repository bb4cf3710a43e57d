/**
 * Rules for the router in front, and for a container behind a bridge, in real nftables and iptables: a stranger, a router
 * that translates, a server, somebody inside. What is forwarded arrives with the stranger's own address.
 */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { firewallRules } from '../../src/exposure/firewall/render.ts'
import { BRIDGE, CLIENTS, planFrom, planOfLayout } from '../firewall/plans.ts'
import { holdAgainst, INSIDE, OTHER, OUTSIDE, portsOf, SSH } from './firewall-cells.ts'
import { Lab } from './firewall-lab.ts'
import { peerTest } from './peers.ts'

const STRANGER4 = '203.0.113.9'
const STRANGER6 = '2001:db8:1::9'
/** The router's own; mail has to leave from the other one. */
const ROUTER4 = '203.0.113.2'
const PUBLIC4 = '203.0.113.10'
const SERVER4 = '192.168.88.25'
const SERVER6 = '2001:db8:88::25'

function home(): Lab {
  const lab = new Lab()
  for (const host of ['outside', 'router', 'server', 'inside']) lab.host(host)
  lab.cable(['outside', 'eth0'], ['router', 'wan'])
  lab.run('router', ['ip', 'link', 'add', 'lan', 'type', 'bridge'])
  for (const host of ['server', 'inside'] as const) {
    lab.cable([host, 'eth0'], ['router', host])
    lab.run('router', ['ip', 'link', 'set', host, 'master', 'lan'])
  }
  lab.run('router', ['ip', 'link', 'set', 'lan', 'up'])
  // Frames from neighbour to neighbour do not go through the filter of the router.
  for (const key of ['iptables', 'ip6tables'])
    lab.run('router', ['sysctl', '-qw', `net.bridge.bridge-nf-call-${key}=0`])
  for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
    lab.run('router', ['sysctl', '-qw', `${key}=1`])
  lab.address('outside', 'eth0', `${STRANGER4}/24`, '203.0.113.8/24', `${STRANGER6}/64`)
  lab.address('router', 'wan', `${ROUTER4}/24`, `${PUBLIC4}/24`, '2001:db8:1::1/64')
  lab.address('router', 'lan', '192.168.88.1/24', '2001:db8:88::1/64')
  lab.address('server', 'eth0', `${SERVER4}/24`, `${SERVER6}/64`)
  lab.address('inside', 'eth0', '192.168.88.50/24', '2001:db8:88::50/64')
  for (const host of ['server', 'inside']) {
    lab.run(host, ['ip', 'route', 'add', 'default', 'via', '192.168.88.1'])
    lab.run(host, ['ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:88::1'])
  }
  lab.run('outside', ['ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:1::1'])
  return lab
}

/** A router as it is at home: what comes from the internet and was not asked for is dropped; what leaves is masqueraded. */
const OWN = `table inet own {
  chain forward { type filter hook forward priority filter; policy drop
    ct state established,related accept
    iifname "lan" accept
    meta l4proto ipv6-icmp accept
  }
  chain out { type nat hook postrouting priority srcnat; policy accept
    oifname "wan" meta nfproto ipv4 masquerade
  }
}
`
const ALLOW_IN = { family: 'inet', table: 'own', chain: 'forward' } as const

describe('rules for the router in front, proved by connections', () => {
  for (const clients of CLIENTS)
    peerTest(['root', 'ip', 'nft'], `nftables: ${clients}`, async (t) => {
      await using lab = home()
      const plan = await planOfLayout('nat', clients)
      await lab.listen('server', portsOf(plan))
      await lab.listen('outside', [25, 443])
      lab.run('router', ['nft', '-f', '-'], OWN)
      const list = (): string => lab.run('router', ['nft', '-s', 'list', 'ruleset'])
      const before = list()
      const router = firewallRules(plan, 'nftables', { router: true, hairpin: true, allowIn: ALLOW_IN })
      lab.run('router', ['sh'], router.text)
      const loaded = list()
      lab.run('router', ['sh'], router.text)
      assert.equal(list(), loaded, 'applied twice it is the same')
      lab.run('server', ['nft', '-f', '-'], firewallRules(plan, 'nftables').text)

      const off = plan.rows.filter(({ opening }) => opening === 'off').map(({ port }) => port)
      let cells = await holdAgainst(lab, plan, { host: 'outside', at: [PUBLIC4, SERVER6], may: OUTSIDE, others: [] })
      cells += await holdAgainst(lab, plan, {
        host: 'inside',
        at: [SERVER4, SERVER6],
        may: INSIDE,
        others: [...off, SSH, OTHER],
      })
      // By the public address, from inside: what the server has, and of the router's own nothing.
      cells += await holdAgainst(lab, plan, { host: 'inside', at: [PUBLIC4], may: INSIDE, others: [] })
      t.diagnostic(`${cells} connections as planned`)

      // Whom the server sees.
      const seen = async (host: string, at: string): Promise<string | undefined> =>
        (await lab.probe(host, [{ host: at, port: 25 }], 'open'))[0]?.seenAs
      assert.equal(await seen('outside', PUBLIC4), STRANGER4, 'the address of the sender is kept')
      assert.equal(await seen('outside', SERVER6), STRANGER6)
      assert.equal(await seen('inside', PUBLIC4), '192.168.88.1', 'hairpin: all come from the router')
      // Whom others see: mail leaves from the address with the PTR, all else as before.
      const leaves = async (port: number): Promise<string | undefined> =>
        (await lab.probe('server', [{ host: STRANGER4, port }], 'open'))[0]?.seenAs
      assert.equal(await leaves(25), PUBLIC4)
      assert.equal(await leaves(443), ROUTER4)

      lab.run('router', ['sh', '-c', router.undo.join('\n')])
      assert.equal(list(), before, 'nothing is left, and the router’s own rules are as they were')
    })

  peerTest(['root', 'ip', 'nft'], 'without hairpin the public address is not the server’s from inside', async () => {
    await using lab = home()
    const plan = await planOfLayout('nat', 'office')
    await lab.listen('server', portsOf(plan))
    lab.run('router', ['nft', '-f', '-'], OWN)
    lab.run('router', ['sh'], firewallRules(plan, 'nftables', { router: true, allowIn: ALLOW_IN }).text)
    const [answer] = await lab.probe('inside', [{ host: PUBLIC4, port: 25 }], 'shut')
    assert.equal(answer?.open, false)
  })

  peerTest(
    ['root', 'ip', 'nft'],
    'a port that listens elsewhere, and a branch office with an address of its own',
    async () => {
      await using lab = home()
      const plan = await planFrom(
        'clients = "office"\nnat.public = ["203.0.113.10"]\ninside = ["192.168.88.0/24"]\n' +
          'ports.imaps = { networks = ["203.0.113.8", "192.168.88.0/24"] }\nports.submission = { port = 2587, networks = "anywhere" }\n',
        {
          addresses: [{ address: SERVER4, family: 4, interface: 'eth0', network: '192.168.88.0/24', scope: 'private' }],
          gateways: ['192.168.88.1'],
          container: 'none',
        },
      )
      await lab.listen('server', portsOf(plan))
      lab.run('router', ['nft', '-f', '-'], OWN)
      lab.run('router', ['sh'], firewallRules(plan, 'nftables', { router: true, allowIn: ALLOW_IN }).text)
      const open = await lab.probe(
        'outside',
        [
          { host: PUBLIC4, port: 587 },
          { host: PUBLIC4, port: 993, from: '203.0.113.8' },
        ],
        'open',
      )
      assert.deepEqual(open, [
        { open: true, seenAs: '203.0.113.9' },
        { open: true, seenAs: '203.0.113.8' },
      ])
      const shut = await lab.probe(
        'outside',
        [
          { host: PUBLIC4, port: 993, from: STRANGER4 },
          { host: PUBLIC4, port: 2587 },
        ],
        'shut',
      )
      assert.deepEqual(
        shut.map(({ open: passes }) => passes),
        [false, false],
      )
    },
  )
})

describe('a container behind a bridge: what Docker publishes, proved by connections', () => {
  /** As Docker does it: DNAT to the container, and a chain for the administrator in front of its own. */
  const DOCKER = `set -e
iptables -N DOCKER-USER
iptables -A DOCKER-USER -j RETURN
iptables -A FORWARD -j DOCKER-USER
for port in 25 80 110 143 443 587 993 995; do iptables -t nat -A PREROUTING -d ${PUBLIC4} -p tcp --dport $port -j DNAT --to-destination ${SERVER4}; done
ip6tables -N DOCKER-USER
ip6tables -A DOCKER-USER -j RETURN
ip6tables -A FORWARD -j DOCKER-USER
`
  for (const format of ['iptables', 'nftables'] as const)
    peerTest(['root', 'ip', 'nft', 'iptables'], format, async () => {
      await using lab = home()
      const plan = await planFrom('clients = "office"\ninside = ["203.0.113.8"]\n', BRIDGE)
      await lab.listen('server', portsOf(plan))
      lab.run('router', ['sh'], DOCKER)
      const list = (): string =>
        lab
          .run('router', ['sh', '-c', 'iptables-save; ip6tables-save; nft list tables'])
          .replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '')
      const before = list()
      const { text, undo } = firewallRules(plan, format)
      const apply = (): string => lab.run('router', format === 'iptables' ? ['sh'] : ['nft', '-f', '-'], text)
      apply()
      const loaded = list()
      apply()
      assert.equal(list(), loaded)

      const off = plan.rows.filter(({ opening }) => opening === 'off').map(({ port }) => port)
      const published = { ...plan, rows: plan.rows.filter(({ port }) => !off.includes(port)) }
      const at = [PUBLIC4]
      await holdAgainst(lab, published, { host: 'outside', from: STRANGER4, at, may: OUTSIDE, others: [] })
      await holdAgainst(lab, published, { host: 'outside', from: '203.0.113.8', at, may: INSIDE, others: [] })

      lab.run('router', ['sh', '-c', undo.join('\n')])
      assert.equal(list(), before)
    })
})
