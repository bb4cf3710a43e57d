/** What the plan offers to mail programs: autoconfig, autodiscover, mobileconfig and SRV records are made from it. */
import type { ClientServer } from '../model/client-server.ts'
import type { Opening, ExposurePlan, PlanRow } from './contract.ts'

/** Where a mail program is. */
export type Asker = 'outside' | 'inside' | 'loopback'

const REACHES: Readonly<Record<Asker, readonly Opening[]>> = {
  outside: ['outside'],
  inside: ['outside', 'inside'],
  loopback: ['outside', 'inside', 'loopback'],
}

/**
 * The servers that this asker can reach, the best first: IMAP before POP3, TLS from the first octet before STARTTLS
 * (RFC 8314 §3).
 */
export function clientServers(plan: ExposurePlan, host: string, asker: Asker): ClientServer[] {
  return rowsFor(plan, asker).map(({ protocol, port, tls }) => ({
    protocol: protocol as ClientServer['protocol'],
    host,
    port,
    security: tls === 'implicit' ? 'tls' : 'starttls',
  }))
}

const ORDER: readonly PlanRow['protocol'][] = ['imap', 'pop3', 'smtp']

/** Rows of the catalog for mail programs that this asker can reach; filter editors find theirs by SRV. */
export function rowsFor(plan: ExposurePlan, asker: Asker): PlanRow[] {
  return plan.rows
    .filter(
      ({ role, protocol, opening }) => role !== 'mta' && ORDER.includes(protocol) && REACHES[asker].includes(opening),
    )
    .toSorted((a, b) => rank(a) - rank(b))
}

const rank = ({ protocol, tls }: PlanRow): number => ORDER.indexOf(protocol) * 2 + (tls === 'implicit' ? 0 : 1)
