/** `gavan firewall --apply`, `--diff` and `--remove` on a real nftables, iptables and ufw, in a network namespace of their own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'node:test'
import { FIREWALLD, startFirewalld } from './firewalld.ts'
import { findProgram, peerTest } from './peers.ts'
import { temporaryFolder, type Folder } from './world.ts'
import { MAIN } from '../../tools/program.ts'

type Stage = {
  /** What leads into its namespace. */
  readonly enter: readonly string[]
  /** gavan firewall …, in the stage's namespace. */
  readonly gavan: (...args: string[]) => { code: number | null; stdout: string; stderr: string }
  readonly sh: (script: string) => string
  readonly clients: (which: string) => void
}

/** The namespace is held by a process of the stage and goes with it. */
function stage(folder: Folder, setUp = ''): Stage & Disposable {
  const config = join(folder.path, 'gavan.toml')
  const clients = (which: string): void =>
    writeFileSync(
      config,
      `hostname = "mail.example.org"\nclients = "${which}"\ninside = ["10.8.0.0/24", "fd00:8::/64"]\n`,
    )
  clients('office')
  const name = `gvapply${process.pid}`
  const must = (program: string, args: readonly string[], input = ''): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${stderr}`)
    return stdout
  }
  must('ip', ['netns', 'add', name])
  const bound = join(folder.path, 'bound.sh')
  writeFileSync(bound, `set -e\n${setUp}\nexec "$@"\n`)
  const inside = ['netns', 'exec', name, 'unshare', '--mount', 'sh', bound]
  return {
    enter: ['ip', 'netns', 'exec', name],
    clients,
    sh: (script) => must('ip', [...inside, 'sh', '-c', script]),
    gavan(...args) {
      const { status, stdout, stderr } = spawnSync(
        'ip',
        [...inside, process.execPath, MAIN, '--config', config, 'firewall', '--lang', 'en', ...args],
        { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8', NODE_NO_WARNINGS: '1' } },
      )
      return { code: status, stdout, stderr }
    },
    [Symbol.dispose]: () => void must('ip', ['netns', 'delete', name]),
  }
}

function ownUfw({ path }: Folder): string {
  cpSync('/etc/ufw', join(path, 'ufw'), { recursive: true })
  cpSync('/etc/default/ufw', join(path, 'default'))
  mkdirSync(join(path, 'ufw/applications.d'), { recursive: true })
  return `mount --bind ${join(path, 'ufw')} /etc/ufw\nmount --bind ${join(path, 'default')} /etc/default/ufw`
}

type Case = {
  readonly format: string
  readonly needs: readonly string[]
  readonly others: string
  readonly list: string
  readonly setUp?: (folder: Folder) => string
  /** Spoils what gavan loaded. */
  readonly spoil: string
  readonly args?: readonly string[]
}

const CASES: readonly Case[] = [
  {
    format: 'nftables',
    needs: ['nft'],
    others:
      'nft add table inet others; nft "add chain inet others input { type filter hook input priority 0; }"; nft add rule inet others input tcp dport 9 drop',
    list: 'nft -s list ruleset',
    spoil: 'nft flush chain inet gavan input',
  },
  {
    format: 'nftables',
    needs: ['nft'],
    others:
      'nft add table inet filter; nft "add chain inet filter input { type filter hook input priority 0; policy drop; }"; nft add rule inet filter input tcp dport 22 accept',
    list: 'nft -s list ruleset',
    spoil: 'nft flush chain inet filter gavan',
    args: ['--allow-in', 'inet filter input'],
  },
  {
    format: 'iptables',
    needs: ['iptables', 'ip6tables'],
    others: 'iptables -A INPUT -p tcp --dport 22 -j ACCEPT; ip6tables -A INPUT -p tcp --dport 22 -j ACCEPT',
    list: 'iptables-save | grep -v "^#"; ip6tables-save | grep -v "^#"',
    spoil: 'ip6tables -F GAVAN',
  },
  {
    format: 'ufw',
    needs: ['ufw'],
    others: 'ufw allow 22/tcp',
    list: 'ufw show added; ls /etc/ufw/applications.d',
    setUp: ownUfw,
    spoil: "ufw --force delete deny 'Gavan Inside'",
  },
]

describe('gavan firewall --apply', () => {
  for (const { format, needs, others, list, setUp, spoil, args = [] } of CASES) {
    const all = ['--format', format, ...args]
    peerTest(['root', 'ip', 'unshare', ...needs], all.join(' '), async () => {
      using folder = temporaryFolder('firewall-apply')
      using host = stage(folder, setUp?.(folder))
      host.sh(others)
      const before = host.sh(list)

      const different = host.gavan(...all, '--diff')
      assert.equal(different.code, 1, different.stderr)
      assert.match(different.stdout, /^\+ .*993/m)
      assert.equal(host.sh(list), before, '--diff changes nothing')

      const applied = host.gavan(...all, '--apply')
      assert.equal(applied.code, 0, applied.stderr)
      assert.equal(applied.stdout, different.stdout, 'what --diff said is what changed')
      assert.match(applied.stderr, /undo: gavan firewall --format \w+ --remove --apply/)
      const loaded = host.sh(list)
      assert.notEqual(loaded, before)
      assert.deepEqual(host.gavan(...all, '--diff'), { code: 0, stdout: '', stderr: '' })

      const again = host.gavan(...all, '--apply')
      assert.equal(again.code, 0, again.stderr)
      assert.match(again.stderr, /nothing to change/)
      assert.equal(host.sh(list), loaded)

      // What somebody took away is seen, and put back.
      host.sh(spoil)
      assert.equal(host.gavan(...all, '--diff').code, 1)
      assert.equal(host.gavan(...all, '--apply').code, 0)
      assert.equal(host.sh(list), loaded)

      host.clients('anywhere')
      const moved = host.gavan(...all, '--apply')
      assert.equal(moved.code, 0, moved.stderr)
      assert.match(moved.stdout, /^- .*993/m)
      host.clients('office')
      assert.equal(host.gavan(...all, '--apply').code, 0)
      assert.equal(host.sh(list), loaded)

      const removed = host.gavan(...all, '--remove', '--apply')
      assert.equal(removed.code, 0, removed.stderr)
      assert.equal(host.sh(list), before, 'nothing is left, and the rules of others are as they were')
      assert.equal(host.gavan(...all, '--remove', '--apply').code, 0)
    })
  }

  peerTest(['root', 'ip', 'unshare', 'nft', ...FIREWALLD], 'firewalld, the daemon', async () => {
    using folder = temporaryFolder('firewall-apply')
    using host = stage(folder, `export DBUS_SYSTEM_BUS_ADDRESS=unix:path=${join(folder.path, 'firewalld', 'bus')}`)
    await using _daemon = await startFirewalld({ folder: folder.path, enter: host.enter })
    const list = 'nft -s list table inet firewalld; firewall-cmd --permanent --get-services'
    const before = host.sh(list)
    const applied = host.gavan('--format', 'firewalld', '--apply')
    assert.equal(applied.code, 0, applied.stderr)
    assert.match(applied.stdout, /^\+ .*993/m)
    assert.match(host.sh(list), /dport 25 .*accept/)
    assert.deepEqual(host.gavan('--format', 'firewalld', '--diff'), { code: 0, stdout: '', stderr: '' })
    const removed = host.gavan('--format', 'firewalld', '--remove', '--apply')
    assert.equal(removed.code, 0, removed.stderr)
    assert.equal(host.sh(list), before)
  })

  peerTest(['root', 'ip', 'unshare', 'nft'], 'nftables: what fails leaves the old rules, with the bans', async () => {
    using folder = temporaryFolder('firewall-apply')
    using host = stage(folder)
    assert.equal(host.gavan('--format', 'nftables', '--apply').code, 0)
    host.sh("nft add element inet gavan banned4 '{ 192.0.2.7 }'")
    const before = host.sh('nft -s list ruleset')
    // A user that does not exist: nft refuses the whole.
    const failed = host.gavan('--format', 'nftables', '--only-sender', 'nobody-here', '--apply')
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /nobody-here/)
    assert.equal(host.sh('nft -s list ruleset'), before)
    host.clients('anywhere')
    assert.equal(host.gavan('--format', 'nftables', '--apply').code, 0)
    assert.match(host.sh('nft list set inet gavan banned4'), /192\.0\.2\.7/, 'bans outlive new rules')
  })

  peerTest(['root', 'ip', 'unshare', 'iptables', 'ip6tables'], 'iptables: IPv6 refused, IPv4 is put back', async () => {
    using folder = temporaryFolder('firewall-apply')
    const flag = join(folder.path, 'refuse')
    // Refuses once to load, so that the roll-back finds a tool that works.
    writeFileSync(
      join(folder.path, 'ip6tables-restore'),
      `#!/bin/sh\nif [ "$1" = --noflush ] && [ -e ${flag} ]; then rm ${flag}; echo 'no, thanks' >&2; exit 1; fi\nexec ${findProgram('ip6tables-restore')} "$@"\n`,
      { mode: 0o755 },
    )
    using host = stage(folder, `PATH=${folder.path}:$PATH`)
    const list = 'iptables-save | grep -v "^#"; ip6tables-save | grep -v "^#"'
    const refused = (): void => {
      const before = host.sh(list)
      writeFileSync(flag, '')
      const { code, stderr, stdout } = host.gavan('--format', 'iptables', '--apply')
      assert.equal(code, 1, stderr)
      assert.match(stderr, /no, thanks/)
      assert.match(stderr, /the rules are as they were/)
      assert.equal(stdout, '')
      assert.equal(host.sh(list), before)
    }
    host.sh('iptables -A INPUT -p tcp --dport 22 -j ACCEPT; ip6tables -A INPUT -p tcp --dport 22 -j ACCEPT')
    refused() // Nothing of gavan's was there.
    assert.equal(host.gavan('--format', 'iptables', '--apply').code, 0)
    host.clients('anywhere')
    refused() // An older plan's rules were there.
  })

  peerTest(['root', 'ip', 'unshare', 'nft'], 'what means nothing is refused, and nothing is changed', async () => {
    using folder = temporaryFolder('firewall-apply')
    using host = stage(folder)
    for (const [args, said] of [
      [['--format', 'ufw', '--hairpin'], /--hairpin means nothing to ufw/],
      [['--format', 'nftables', '--hairpin'], /add --router/],
      [['--format', 'nftables', '--allow-in', 'inet filter input; flush'], /is no chain/],
      [['--format', 'nftables', '--only-sender', 'a" accept'], /is no name/],
      [['--format', 'routeros', '--apply'], /loaded there by you/],
      [['--format', 'nftables', '--router', '--apply'], /loaded there by you/],
      [['--format', 'windows', '--diff'], /loaded there by you/],
      [['--format', 'cisco'], /Allowed choices/],
    ] as const) {
      const { code, stderr, stdout } = host.gavan(...args)
      assert.equal(code, 64, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, said)
      assert.equal(stdout, '')
    }
    assert.equal(host.sh('nft list ruleset'), '')
  })
})
