import { networkInterfaces } from 'node:os'
import { portProblem } from '../net/listen.ts'
import { portHolder } from '../net/port-holder.ts'
import { CliError, EXIT } from './cli/output.ts'
import type { ServiceConfig } from './config/config.ts'

export type UsablePorts = {
  readonly services: readonly ServiceConfig[]
  /** What is done without, and why. */
  readonly notes: readonly string[]
}

/** What is open already, by this very process. */
export type Opened = readonly { readonly address: string; readonly port: number }[]

/**
 * Each port is tried alone before the threads share them, so that a port held by another program is told with that
 * program's name (D16). Addresses that this machine lacks (no IPv6, say) are left out.
 * @param options.dispensable services that the server starts without when another program holds their port
 * @param options.ours listeners of our own: they stay, or make way
 * @param options.shared ours and a new one may have the same port at once
 * @throws CliError
 */
export async function checkPorts(
  services: readonly ServiceConfig[],
  options: { dispensable?: readonly ServiceConfig['service'][]; ours?: Opened; shared?: boolean } = {},
): Promise<UsablePorts> {
  const { dispensable = [], ours = [], shared = false } = options
  const problemAt = async (address: string, port: number): Promise<string | null> => {
    const there = ours.filter((one) => one.port === port)
    if (there.some((one) => one.address === address)) return null
    return portProblem(address, port, { shared: shared && there.length > 0 })
  }
  const usable: ServiceConfig[] = []
  const notes: string[] = []
  for (const service of services) {
    const addresses: string[] = []
    let held: string | null = null
    for (const address of service.addresses) {
      const problem = await problemAt(address, service.port)
      if (problem === null) addresses.push(address)
      else if (problem !== 'EADDRNOTAVAIL' && problem !== 'EAFNOSUPPORT') {
        const error = await explain(service, address, problem)
        if (problem !== 'EADDRINUSE' || !dispensable.includes(service.service)) throw error
        held = error.message
      }
    }
    if (held !== null) {
      notes.push(held)
      continue
    }
    if (addresses.length === 0)
      throw new CliError(
        EXIT.badConfig,
        `${service.service}: this machine has none of the addresses ${service.addresses.join(', ')}`,
        'see "ip address", and set listen or ports.<service>.addresses',
      )
    usable.push({ ...service, addresses })
  }
  return { services: usable, notes }
}

async function explain({ service, port }: ServiceConfig, address: string, problem: string): Promise<CliError> {
  if (problem === 'EACCES')
    return new CliError(
      EXIT.notAllowed,
      `port ${port} (${service}) may be opened by root or with CAP_NET_BIND_SERVICE only`,
      'run under systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE, or set ports.offset',
    )
  if (problem !== 'EADDRINUSE')
    return new CliError(EXIT.failed, `cannot listen on ${address} port ${port} (${service}): ${problem}`, null)
  const holder = await portHolder(port)
  if (holder?.pid === process.pid)
    return new CliError(
      EXIT.failed,
      `port ${port} (${service}) cannot move to ${address} while this server has it elsewhere: needs a restart`,
      'systemctl restart gavan',
    )
  const who =
    holder === null
      ? 'another program'
      : `${holder.name} (pid ${holder.pid}${holder.unit === null ? '' : `, ${holder.unit}`})`
  const fix =
    holder?.unit === undefined || holder.unit === null
      ? `stop that program, or turn the port off: ports.${service} = "off"`
      : `systemctl disable --now ${holder.unit}, or turn the port off: ports.${service} = "off"`
  return new CliError(EXIT.failed, `port ${port} (${service}) on ${address} is held by ${who}`, fix)
}

/** Addresses of this machine, so that mail to ourselves is seen as a loop. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
}
