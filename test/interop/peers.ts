/**
 * Real programs to talk to. On a person's machine a missing one is a skip with its name; where GAVAN_REQUIRE_PEERS=1 (CI) it
 * is a failure.
 */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test, type TestContext } from 'node:test'

/** Debian keeps Postfix where only root's PATH looks. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']

/** Program → Debian package, where they differ. */
const PACKAGES: Record<string, string> = {
  mbsync: 'isync',
  clamd: 'clamav-daemon',
  getmail: 'getmail6',
  dkimverify: 'python3-dkim',
  authres: 'python3-authres',
  'smtp-source': 'postfix',
  knotd: 'knot',
  keymgr: 'knot',
  ip6tables: 'iptables',
  'named-checkzone': 'bind9-utils',
  setpriv: 'util-linux',
  unshare: 'util-linux',
  nft: 'nftables',
  ip: 'iproute2',
  'systemd-analyze': 'systemd',
  'firewall-offline-cmd': 'firewalld',
  'firewall-cmd': 'firewalld',
  'libscram.so': 'libsasl2-modules',
  'sieve-test': 'dovecot-sieve',
  'dovecot/imap': 'dovecot-imapd',
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @returns the program's path, or null */
export function findProgram(name: string): string | null {
  return FOLDERS.map((folder) => join(folder, name)).find(isExecutable) ?? null
}

/** Dovecot's IMAP as it runs for one user, without a login. */
export const DOVECOT_IMAP = '/usr/lib/dovecot/imap'

/**
 * What is no program of a PATH: `root` (Postfix's master must be started by it), SCRAM for those that speak by Cyrus SASL, and a
 * module of Debian's Python.
 */
const OTHERS: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  'dovecot/imap': () => isExecutable(DOVECOT_IMAP),
  authres: () => existsSync('/usr/lib/python3/dist-packages/authres'),
  'libscram.so': () =>
    existsSync('/usr/lib') &&
    ['', ...readdirSync('/usr/lib')].some((part) => existsSync(join('/usr/lib', part, 'sasl2/libscram.so'))),
}
const isThere = (name: string): boolean => OTHERS[name]?.() ?? findProgram(name) !== null

/** A test that needs the named programs. */
export function peerTest(names: readonly string[], title: string, run: (t: TestContext) => Promise<void>): void {
  const missing = names.filter((name) => !isThere(name))
  if (missing.length === 0) test(title, run)
  else if (process.env['GAVAN_REQUIRE_PEERS'] === '1')
    test(title, () => {
      const packages = missing.map((name) => PACKAGES[name] ?? name)
      throw new Error(`peer missing: ${missing.join(', ')}; on Debian: apt-get install ${packages.join(' ')}`)
    })
  else test(title, { skip: `peer missing: ${missing.join(', ')}` }, () => {})
}

export const haveAll = (names: readonly string[]): boolean => names.every(isThere)
