/** gavan.toml as `gavan setup` writes it, and how a file that is there already is changed. Pure. */
import { editToml, printValue, type PlainValue } from '../config/edit.ts'
import { err, ok, type Result } from '../../std/result.ts'
import type { Config } from '../config/config.ts'
import type { Answers, Places, Port80 } from './contract.ts'

/** Where the web server that keeps port 80 hands the CA's questions to. */
export const HANDED_ON_PORT = 2080

/** Choice: what stays at its default is not in the file; an administrator reads it whole. */
export function printSettings(answers: Answers, places: Places): string {
  const { hostname, domain, first, clients, port80, publicAddresses } = answers
  const line = (key: string, value: PlainValue): string => `${key} = ${printValue(value)}`
  const parts = [
    [
      '# gavan. Written by `gavan setup`, which keeps what you change here. All keys: gavan config show',
      line('hostname', hostname),
      line('domains', [domain]),
      ...(places.dataDirSetting === null ? [] : [line('data_dir', places.dataDirSetting)]),
    ],
    ['# Reads warnings, and mail for the postmaster.', line('postmaster', first)],
    [
      '# Where mail programs are used: "browser" (none), "office" (inner networks), "anywhere". It decides which ports face',
      '# outside; see them with: gavan ports',
      line('clients', clients),
    ],
    [
      '# Certificates from Let\'s Encrypt; whoever sets this agrees to its terms of service. Or "off".',
      line('tls.acme', 'letsencrypt'),
      line('tls.acme_contact', first),
    ],
    ...(publicAddresses.length === 0
      ? []
      : [['# Where the internet reaches this server.', line('nat.public', publicAddresses)]]),
    ...(port80 === null || port80 === 'stop'
      ? []
      : [[...PORT80_COMMENT[port80], line('ports.http', httpSetting(port80))]]),
  ]
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

const PORT80_COMMENT: Readonly<Record<'keep' | 'dns', readonly string[]>> = {
  keep: ["# Another program has port 80 and hands on the CA's questions: /.well-known/acme-challenge/"],
  dns: [
    '# Another program has port 80. Certificates come by way of 443, or of DNS once this is filled in:',
    '# tls.acme_dns = { server = "192.0.2.53", zone = "example.org", key_file = "/etc/gavan/tsig.key" }',
  ],
}

function httpSetting(port80: Port80): PlainValue {
  if (port80 === 'keep') return { port: HANDED_ON_PORT, handed_on: true }
  return port80 === 'dns' ? 'off' : 'on'
}

/** What an earlier file answers. */
export function answersOf(config: Config): Partial<Answers> {
  const [domain] = config.domains
  const http = config.services.find(({ service }) => service === 'http')
  const byHand = config.sources.has('ports.http')
  return {
    hostname: config.hostname,
    ...(domain === undefined ? {} : { domain }),
    ...(config.postmaster === null ? {} : { first: config.postmaster }),
    clients: config.clients,
    port80: !byHand || http === undefined ? 'keep' : http.enabled ? (http.port === 80 ? 'stop' : 'keep') : 'dns',
    publicAddresses: config.nat.public,
  }
}

/**
 * Changes what differs and nothing else: comments, order and everything that setup never asked stay.
 * @param text valid, and what `config` was read from
 * @returns the new text, the same when nothing differs; or which key a person must change
 */
export function changeSettings(text: string, config: Config, answers: Answers): Result<string, string> {
  const wanted: [string, PlainValue][] = []
  const { hostname, domain, first, clients, port80, publicAddresses } = answers
  if (hostname !== config.hostname) wanted.push(['hostname', hostname])
  if (!config.domains.includes(domain)) wanted.push(['domains', [domain, ...config.domains]])
  if (first !== config.postmaster) wanted.push(['postmaster', first])
  if (clients !== config.clients) wanted.push(['clients', clients])
  if (publicAddresses.join() !== config.nat.public.join()) wanted.push(['nat.public', publicAddresses])
  if (port80 !== null && !fitsPort80(config, port80)) wanted.push(['ports.http', httpSetting(port80)])
  let now = text
  for (const [key, set] of wanted) {
    const changed = editToml(now, { key, set })
    if (!changed.ok) return err(`${key} = ${printValue(set)}`)
    now = changed.value
  }
  return ok(now)
}

function fitsPort80({ services }: Config, port80: Port80): boolean {
  const http = services.find(({ service }) => service === 'http')
  if (http === undefined || !http.enabled) return port80 === 'dns'
  return http.port === 80 ? port80 === 'stop' : port80 === 'keep' && http.handedOn === true
}

/** Lines of a diff, without context. */
export function diffLines(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')]
  const [gone, come] = [count(old), count(now)]
  const removed = old.filter((line) => !take(come, line))
  const added = now.filter((line) => !take(gone, line))
  return [...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)]
}

function count(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

function take(counts: Map<string, number>, line: string): boolean {
  const left = counts.get(line) ?? 0
  counts.set(line, left - 1)
  return left > 0
}
