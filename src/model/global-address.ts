import { networksContain, parseNetwork, type Network } from './network.ts'

/** Blocks that no server of the internet is in: IANA's registries of special-purpose addresses (RFC 6890), multicast and reserved. */
const SPECIAL = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16', // 6to4 and its like below carry IPv4 addresses of any kind.
  '3fff::/20',
].flatMap(blockOf)
const UNICAST = blockOf('2000::/3') // RFC 4291 §2.4; else only IPv4, mapped or not.

/** Whether a stranger's name may lead us to an address (S21): nothing inside, nothing of ours, nothing that is not an address. */
export function isGlobalAddress(address: string): boolean {
  if (networksContain(SPECIAL, address)) return false
  return networksContain(UNICAST, address) || networksContain(IPV4, address)
}

const IPV4: readonly Network[] = blockOf('0.0.0.0/0')

function blockOf(text: string): readonly Network[] {
  const parsed = parseNetwork(text)
  return parsed.ok ? [parsed.value] : []
}
