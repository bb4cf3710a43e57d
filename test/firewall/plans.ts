/** Plans for the tests of firewall rules: from a configuration and a made-up host. */
import assert from 'node:assert/strict'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/app/config/load.ts'
import { printProblems } from '../../src/app/config/show.ts'
import { planSettings } from '../../src/app/plan-settings.ts'
import type { ExposurePlan, HostFacts } from '../../src/exposure/contract.ts'
import { planOf } from '../../src/exposure/plan.ts'

export const PUBLIC: HostFacts = {
  addresses: [
    { address: '203.0.113.10', family: 4, interface: 'eth0', network: '203.0.113.0/24', scope: 'global' },
    { address: '2001:db8:1::25', family: 6, interface: 'eth0', network: '2001:db8:1::/64', scope: 'global' },
  ],
  gateways: ['203.0.113.1'],
  container: 'none',
}
export const NAT: HostFacts = {
  addresses: [
    { address: '192.168.88.25', family: 4, interface: 'eth0', network: '192.168.88.0/24', scope: 'private' },
    { address: '2001:db8:88::25', family: 6, interface: 'eth0', network: '2001:db8:88::/64', scope: 'global' },
  ],
  gateways: ['192.168.88.1'],
  container: 'none',
}
export const BRIDGE: HostFacts = {
  addresses: [{ address: '172.18.0.2', family: 4, interface: 'eth0', network: '172.18.0.0/16', scope: 'private' }],
  gateways: ['172.18.0.1'],
  container: 'bridge',
}

const PUBLIC_TOML = 'inside = ["10.8.0.0/24", "fd00:8::/64"]\n'
const NAT_TOML = 'nat.public = ["203.0.113.10"]\ninside = ["192.168.88.0/24", "2001:db8:88::/64"]\n'

export async function planFrom(toml: string, facts: HostFacts, hostname = 'mail.example.org'): Promise<ExposurePlan> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'gavan-firewall-'))
  const path = join(folder.path, 'gavan.toml')
  await writeFile(path, `hostname = "${hostname}"\n${toml}`)
  const loaded = await loadConfig({ path, env: {}, cores: 1 })
  assert.ok(loaded.ok, loaded.ok ? '' : printProblems(loaded.error))
  return planOf(planSettings(loaded.value), facts)
}

export const CLIENTS = ['browser', 'office', 'anywhere'] as const
export const LAYOUTS = ['public', 'nat'] as const

export const planOfLayout = (
  layout: (typeof LAYOUTS)[number],
  clients: (typeof CLIENTS)[number],
): Promise<ExposurePlan> =>
  layout === 'public'
    ? planFrom(`clients = "${clients}"\n${PUBLIC_TOML}`, PUBLIC)
    : planFrom(`clients = "${clients}"\n${NAT_TOML}`, NAT)
