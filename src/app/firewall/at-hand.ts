/** Which firewall this host has, when nobody says: the one that is in use, then one that is there. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FirewallFormat } from '../../exposure/firewall/contract.ts'

export type AtHand = { readonly format: FirewallFormat; readonly why: 'in-use' | 'installed' | 'nothing' }

const FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/usr/local/sbin']

export type Look = {
  readonly platform: string
  readonly has: (program: string) => boolean
  readonly read: (path: string) => string
  readonly exists: (path: string) => boolean
}

const thisHost: Look = {
  platform: process.platform,
  has: (program) =>
    FOLDERS.some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK)
        return true
      } catch {
        return false
      }
    }),
  read(path) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  },
  exists: existsSync,
}

export function toolAtHand({ platform, has, read, exists }: Look = thisHost): AtHand {
  if (platform === 'win32') return { format: 'windows', why: 'in-use' }
  if (platform === 'darwin' || platform.endsWith('bsd')) return { format: 'pf', why: 'in-use' }
  if (exists('/etc/openwrt_release')) return { format: 'openwrt', why: 'in-use' }
  if (exists('/run/firewalld.pid') || exists('/run/firewalld/firewalld.pid'))
    return { format: 'firewalld', why: 'in-use' }
  if (has('ufw') && /^ENABLED=yes$/m.test(read('/etc/ufw/ufw.conf'))) return { format: 'ufw', why: 'in-use' }
  if (has('nft')) return { format: 'nftables', why: 'installed' }
  if (has('iptables')) return { format: 'iptables', why: 'installed' }
  return { format: 'nftables', why: 'nothing' }
}
