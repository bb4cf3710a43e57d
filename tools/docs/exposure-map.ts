/** docs/exposure-map.svg: the map of a small office behind a router, as `gavan ports --svg` draws it. */
import { exposureMap } from '../../src/exposure/map.ts'
import { planOf } from '../../src/exposure/plan.ts'
import type { Language } from '../../src/exposure/words/contract.ts'
import { loadConfig } from '../../src/app/config/load.ts'
import { planSettings } from '../../src/app/plan-settings.ts'

export async function exposureMapPicture(language: Language): Promise<string> {
  const loaded = await loadConfig({
    path: null,
    env: {},
    flags: {
      hostname: 'mail.example.org',
      domains: 'example.org',
      inside: '192.168.88.0/24',
      'nat.public': '203.0.113.10',
    },
  })
  if (!loaded.ok) throw new Error(loaded.error.map(({ cause }) => cause).join('; '))
  const facts = {
    addresses: [
      {
        address: '192.168.88.25',
        family: 4,
        interface: 'eth0',
        network: '192.168.88.0/24',
        scope: 'private',
      },
    ],
    gateways: ['192.168.88.1'],
    container: 'none',
  } as const
  return exposureMap(planOf(planSettings(loaded.value), facts), language)
}
