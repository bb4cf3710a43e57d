/** The script for firewalld, run by `firewall-offline-cmd` on a configuration of its own: no daemon, no D-Bus, the same parser. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firewallRules } from '../../src/exposure/firewall/render.ts'
import { planOfLayout } from '../firewall/plans.ts'
import { peerTest } from './peers.ts'
import { temporaryFolder } from './world.ts'

peerTest(['root', 'firewall-offline-cmd'], 'firewalld: what the script leaves, twice, and removed', async () => {
  using folder = temporaryFolder('firewall-firewalld')
  const etc = join(folder.path, 'firewalld')
  cpSync('/etc/firewalld', etc, { recursive: true })
  const run = (script: string): void => {
    const offline = script
      .replaceAll('firewall-cmd --permanent', `firewall-offline-cmd --system-config ${etc}`)
      // It has another name for this one.
      .replaceAll('--remove-service=', '--remove-service-from-zone=')
      .replaceAll(/^firewall-cmd --reload$/gm, '')
    const { status, stderr } = spawnSync('sh', [], { input: offline, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(stderr, '')
  }
  // Of zones the one that is ours to change: the offline tool also copies others, as they are.
  const state = (): string =>
    ['zones', 'services', 'ipsets']
      .flatMap((kind) => {
        const at = join(etc, kind)
        return existsSync(at)
          ? readdirSync(at)
              .filter((name) => /^(?:public|gavan-.*)\.xml$/.test(name))
              .map((name) => readFileSync(join(at, name), 'utf8'))
          : []
      })
      .join('')

  const { text, undo } = firewallRules(await planOfLayout('public', 'office'), 'firewalld')
  run(text)
  const once = state()
  for (const part of [
    '<service name="gavan-public"/>',
    '<port port="443" protocol="tcp"/>',
    '<source address="10.8.0.0/24"/>',
    '<source address="fd00:8::/64"/>',
    '<source ipset="gavan-banned6"/>',
  ])
    assert.ok(once.includes(part), `${part} in\n${once}`)
  run(text)
  assert.equal(state(), once, 'twice it is the same')
  run(undo.join('\n'))
  assert.doesNotMatch(state(), /gavan/)
})
