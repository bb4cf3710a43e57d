import { networkAround, parseIp, printNetwork, type Network } from '../../model/network.ts'

/** Values by network, found for an address in as many steps as there are lengths of prefix. */
export type NetworkMap<V> = {
  set(network: Network, value: V): void
  get(network: Network): V | undefined
  delete(network: Network): void
  /** Of every network that the address lies in. */
  around(address: string): readonly V[]
  values(): IterableIterator<V>
  readonly size: number
}

export function createNetworkMap<V>(): NetworkMap<V> {
  const entries = new Map<string, V>()
  /** How many networks have that many octets and bits. */
  const shapes = new Map<string, { octets: number; bits: number; count: number }>()

  const count = ({ octets, prefixBits }: Network, by: 1 | -1): void => {
    const shape = shapes.getOrInsertComputed(`${octets.length}/${prefixBits}`, () => ({
      octets: octets.length,
      bits: prefixBits,
      count: 0,
    }))
    shape.count += by
  }
  return {
    set(network, value) {
      const key = printNetwork(network)
      if (!entries.has(key)) count(network, 1)
      entries.set(key, value)
    },
    get: (network) => entries.get(printNetwork(network)),
    delete(network) {
      if (entries.delete(printNetwork(network))) count(network, -1)
    },
    around(address) {
      const octets = parseIp(address)
      const found: V[] = []
      if (octets === null) return found
      for (const shape of shapes.values()) {
        if (shape.count === 0 || shape.octets !== octets.length) continue
        const value = entries.get(networkAround(octets, shape.bits).text)
        if (value !== undefined) found.push(value)
      }
      return found
    },
    values: () => entries.values(),
    get size() {
      return entries.size
    },
  }
}
