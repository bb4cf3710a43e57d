/** What one party is likely to hold (`host`) and what its neighbours share (`prefix`): S6. */
export type NetworkKeys = { readonly host: string; readonly prefix: string }

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** The eight groups of an IPv6 address without zone, or null. */
function groupsOf(text: string): number[] | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[] | undefined]
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(tail ?? [])]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.map((group) => Number.parseInt(group, 16))
}

/**
 * IPv4: the address and its /24. IPv6: its /64, since one client changes freely inside it, and its /48.
 * An IPv4 address in IPv6 dress (`::ffff:192.0.2.1`) is the IPv4 address. What is neither is its own key.
 */
export function networkOf(address: string): NetworkKeys {
  const text = address.slice(0, 64).split('%', 1)[0]!
  const bare = /^::ffff:/i.test(text) ? text.slice(7) : text
  if (IPV4.test(bare)) return { host: bare, prefix: `${bare.slice(0, bare.lastIndexOf('.'))}.0/24` }
  const groups = groupsOf(text)
  if (groups === null) return { host: text, prefix: text }
  const hex = groups.map((group) => group.toString(16))
  return { host: `${hex.slice(0, 4).join(':')}::/64`, prefix: `${hex.slice(0, 3).join(':')}::/48` }
}
