import type { Endpoint } from '../model/connection.ts'

/** RFC 4291 §2.5.5.2: an IPv4 peer on a dual-stack socket is shown as IPv4. The zone of a link-local address goes. */
export function plainAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length)
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

export function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  return { address: plainAddress(address ?? '0.0.0.0'), port: port ?? 0 }
}
