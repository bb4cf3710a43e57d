/** Failures in plain words: what happened, and what the administrator can do. */
import type { AcmeFailure, ChallengeType } from '../../model/certificate.ts'
import { never } from '../../std/assert.ts'
import type { ToldFailure } from './contract.ts'

const PLACE: Record<ChallengeType, string> = {
  'http-01': 'on port 80',
  'tls-alpn-01': 'on port 443',
  'dns-01': 'in DNS',
}

function fixOfChallenge(name: string, challenge: ChallengeType | null): string {
  switch (challenge) {
    case 'http-01':
    case null:
      return `see that ${name} leads to this server, by A and by AAAA, and that port 80 is open from outside and comes to gavan: gavan doctor`
    case 'tls-alpn-01':
      return `see that ${name} leads to this server, by A and by AAAA, and that port 443 is open from outside and comes to gavan without a proxy that ends TLS`
    case 'dns-01':
      return `see that all name servers of ${name} get the records of tls.acme_dns.server in time`
    default:
      return never(challenge)
  }
}

export function tell(failure: AcmeFailure, challenge: ChallengeType | null, now: number): ToldFailure {
  const { kind, name, detail } = failure
  const whose = name ?? 'the names asked for'
  const say = (what: string, fix: string): ToldFailure => ({ at: now, kind, name, challenge, what, fix, detail })
  switch (kind) {
    case 'unreachable':
      return say(`the CA could not be asked: ${detail}`, 'it is tried again; see that port 443 outward is open')
    case 'challenge': {
      const where = challenge === null ? '' : ` ${PLACE[challenge]}`
      return say(`the CA did not find our answer for ${whose}${where}: ${detail}`, fixOfChallenge(whose, challenge))
    }
    case 'caa':
      return say(
        `CAA records forbid this CA for ${whose}: ${detail}`,
        'add it: CAA 0 issue "the CA’s name"; gavan doctor shows the record',
      )
    case 'rate-limited':
      return say(
        `the CA wants fewer orders: ${detail}`,
        'nothing: it is asked again when it allows; gavan cert renew --dry-run asks its staging side',
      )
    case 'name':
      return say(
        `the CA gives no certificate for ${whose}: ${detail}`,
        'check the name for mistakes, in hostname, domains and tls.names',
      )
    case 'account':
      return say(
        `the CA wants no account of ours: ${detail}`,
        'see tls.acme_contact, tls.acme_eab_kid and tls.acme_eab_key_file',
      )
    case 'dns-update':
      return say(
        `the DNS server did not take our record for ${whose}: ${detail}`,
        'see tls.acme_dns: server, zone and key_file, and what the key may change there',
      )
    case 'no-address':
      return say(
        `${whose} cannot be proven: ${detail}`,
        `add its A (and AAAA) record, with this server's outer address`,
      )
    case 'no-way':
      return say(
        `there is no way to prove the names: ${detail}`,
        'turn on ports.http or ports.https, or set tls.acme_dns',
      )
    case 'refused':
      return say(`the CA refused: ${detail}`, 'its words say why')
    case 'bad-certificate':
      return say(`what the CA gave cannot be used: ${detail}`, 'it is tried again; the old certificate stays')
    case 'storage':
      return say(
        `the certificate could not be kept: ${detail}`,
        'see that data_dir/acme can be written and the disk has room',
      )
    default:
      return never(kind)
  }
}
