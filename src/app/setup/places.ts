import { join } from 'node:path'
import type { Places } from './contract.ts'

export const USER = 'gavan'
export const UNIT = 'gavan.service'

/** @param root null: this machine; else a folder that stands for it, where users and services are left alone */
export function placesBelow(root: string | null): Places {
  const at = (path: string): string => (root === null ? path : join(root, path))
  return {
    config: at('/etc/gavan/gavan.toml'),
    configDir: at('/etc/gavan'),
    record: at('/etc/gavan/setup.json'),
    dataDir: at('/var/lib/gavan'),
    unit: at('/etc/systemd/system/gavan.service'),
    log: at('/var/log/gavan-setup.log'),
    dataDirSetting: root === null ? null : at('/var/lib/gavan'),
    wholeSystem: root === null,
  }
}

/** Where packages put theirs; systemd looks in both. */
export const PACKAGED_UNITS: readonly string[] = [
  '/usr/lib/systemd/system/gavan.service',
  '/lib/systemd/system/gavan.service',
]
