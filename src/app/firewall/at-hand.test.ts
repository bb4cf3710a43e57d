import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toolAtHand, type Look } from './at-hand.ts'

const NOTHING: Look = { platform: 'linux', has: () => false, read: () => '', exists: () => false }
const ALL = (): boolean => true

test('the firewall in use comes before one that is only installed', () => {
  const pick = (look: Partial<Look>): string => {
    const { format, why } = toolAtHand({ ...NOTHING, ...look })
    return `${format} ${why}`
  }
  assert.equal(pick({}), 'nftables nothing')
  assert.equal(pick({ has: ALL }), 'nftables installed')
  assert.equal(pick({ has: (program) => program === 'iptables' }), 'iptables installed')
  assert.equal(pick({ has: ALL, read: () => '# ufw\nENABLED=yes\n' }), 'ufw in-use')
  assert.equal(pick({ has: ALL, read: () => 'ENABLED=no\n' }), 'nftables installed')
  assert.equal(
    pick({ has: ALL, read: () => 'ENABLED=yes\n', exists: (path) => path.includes('firewalld') }),
    'firewalld in-use',
  )
  assert.equal(pick({ exists: (path) => path === '/etc/openwrt_release' }), 'openwrt in-use')
  assert.equal(pick({ platform: 'freebsd' }), 'pf in-use')
  assert.equal(pick({ platform: 'win32' }), 'windows in-use')
})
