/** `gavan doctor`: the plan held against what is; its letters, and the code for the phone. */
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { DOCTOR_BLOCKLISTS, DOCTOR_OUTGOING_TARGETS, DOCTOR_TIME_SERVERS } from '../doctor/targets.ts'
import { changesSince, type Memory } from '../doctor/changes.ts'
import type { DoctorInput, Finding } from '../doctor/contract.ts'
import { writeLetter, type Letter } from '../doctor/letters.ts'
import { findingJson, printFindings, printSummary } from '../doctor/print.ts'
import { machineProbes } from '../doctor/probes/machine.ts'
import { doctorExitCode, runDoctor } from '../doctor/run.ts'
import { dnsSettings } from '../dns-settings.ts'
import { keepFile } from '../keep-file.ts'
import { isZoneSigned, keyDigests } from '../tlsa.ts'
import type { Config } from '../config/config.ts'
import type { KeyDigest } from '../../exposure/dns/contract.ts'
import type { Resolver } from '../../model/dns.ts'
import { systemClock } from '../machine.ts'
import { CliError, EXIT, print, printJson, say } from './output.ts'
import { keysUnread, readSite, runningApiOf, type SiteOfHost } from './site.ts'

export type DoctorFlags = {
  readonly changes?: true
  readonly phone?: true
  readonly outgoing: readonly string[]
  readonly blocklist: readonly string[]
  readonly time: readonly string[]
  readonly dnsPort: string
}

export async function runDoctorCommand(flags: DoctorFlags, command: Command): Promise<void> {
  const site = await readSite(command)
  if (flags.phone === true) return phone(site)
  const started = systemClock.monotonic()
  const input = await inputOf(site, flags)
  const findings = await runDoctor(input, systemClock)
  const seconds = (systemClock.monotonic() - started) / 1000
  process.exitCode = doctorExitCode(findings)
  if (flags.changes === true) return tellChanges(findings, site)
  if (site.json)
    return printJson({
      hostname: site.plan.hostname,
      exitCode: process.exitCode,
      checks: findings.map(findingJson),
    })
  const { language } = site
  const name = site.plan.hostname ?? ''
  const counted =
    language === 'ru'
      ? `проверок: ${findings.length}, ${seconds.toFixed(1)} с`
      : `${findings.length} checks in ${seconds.toFixed(1)} s`
  print(`gavan doctor${name === '' ? '' : ` · ${name}`} · ${counted}`)
  print(printFindings(findings, language, process.stdout.isTTY && process.stdout.hasColors()))
  print(printSummary(findings, language))
}

async function inputOf(site: SiteOfHost, flags: DoctorFlags): Promise<DoctorInput> {
  const { config, plan, hostname } = site
  const api = await runningApiOf(site)
  const domains = api === null ? config.domains : await domainsOf(api)
  const outgoing =
    flags.outgoing.length > 0 ? flags.outgoing.map((text) => hostPort(text, 25)) : DOCTOR_OUTGOING_TARGETS
  const probes = machineProbes(config, api, {
    time: flags.time.length > 0 ? flags.time.map((text) => hostPort(text, 123)) : DOCTOR_TIME_SERVERS,
    dnsPort: hostPort(`x:${flags.dnsPort}`, 53).port,
  })
  const tlsa = hostname === null ? [] : await tlsaKeys(config, probes.resolver)
  return {
    plan,
    dns: hostname === null ? null : await dnsSettings(config, plan, domains, keysUnread, tlsa),
    dataDir: config.dataDir,
    messageMaxOctets: config.limits.messageMaxOctets,
    acme: config.acme !== null,
    targets: { outgoing, blocklists: flags.blocklist.length > 0 ? flags.blocklist : DOCTOR_BLOCKLISTS },
    probes,
  }
}

/** Of a signed zone. */
async function tlsaKeys(config: Config, resolver: Resolver): Promise<readonly KeyDigest[]> {
  if ((await isZoneSigned(config.hostname, resolver)) !== 'signed') return []
  return keyDigests(config).catch((error: unknown) => {
    say(`TLSA records are not looked at: ${error instanceof Error ? error.message : String(error)}`)
    return []
  })
}

async function domainsOf(api: NonNullable<Awaited<ReturnType<typeof runningApiOf>>>): Promise<string[]> {
  const { body } = await api.handle('GET', '/v1/domains', undefined)
  return ((body['domains'] ?? []) as { name: string }[]).map(({ name }) => name)
}

/** `host`, `host:port`, `[address]:port`. */
function hostPort(text: string, otherwise: number): { host: string; port: number } {
  const parsed = /^(?:\[([\da-f:.]+)\]|([^:\s]+))(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(parsed?.[3] ?? otherwise)
  if (parsed === null || port === 0 || port > 65_535)
    throw new CliError(EXIT.usage, `"${text}" is no host with a port`, 'as mx.example.net:25')
  return { host: parsed[1] ?? parsed[2] ?? '', port }
}

/** Kept beside the data, so that a timer's runs know of each other. */
async function tellChanges(findings: readonly Finding[], { config, language, json }: SiteOfHost): Promise<void> {
  const path = join(config.dataDir, 'doctor.json')
  const { news, memory } = changesSince(findings, await remembered(path))
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await keepFile(path, JSON.stringify(memory), { mode: 0o600 })
  if (json) printJson({ exitCode: process.exitCode ?? 0, changes: news.map(findingJson) })
  else if (news.length > 0) print(printFindings(news, language, process.stdout.isTTY && process.stdout.hasColors()))
}

async function remembered(path: string): Promise<Memory | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Memory
  } catch {
    return null // None yet, or one that was spoilt: as the first time.
  }
}

async function phone({ plan, language }: SiteOfHost): Promise<void> {
  const { hostname } = plan
  if (hostname === null)
    throw new CliError(EXIT.badConfig, 'the hostname is not decided yet', 'gavan setup mail.example.org')
  const { renderUnicodeCompact } = await import('uqr')
  const url = `https://${hostname}/`
  print(renderUnicodeCompact(url, { border: 2 }))
  print(url)
  say(
    language === 'ru'
      ? 'Отключите на телефоне Wi-Fi и наведите камеру. Если страница открылась, порты 80 и 443 видны снаружи; затем: gavan doctor'
      : 'Turn Wi-Fi off on the phone and point its camera here. If the page opens, 443 is reached from outside; then: gavan doctor',
  )
}

export async function runLetter(letter: Letter, command: Command): Promise<void> {
  const { plan, language } = await readSite(command)
  const addresses = [...plan.publicAddresses.v4, ...plan.publicAddresses.v6]
  print(writeLetter(letter, { hostname: plan.hostname ?? 'mail.example.org', addresses }, language).trimEnd())
}
