/** Looks at this machine before anything is asked. Changes nothing. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { heldPort } from '../doctor/probes/held-port.ts'
import type { HeldPort } from '../doctor/contract.ts'
import { readDkimKeys } from '../dkim-keys.ts'
import { hostFacts } from '../host-facts.ts'
import type { Config } from '../config/config.ts'
import type { Around, Found, Places } from './contract.ts'
import { PACKAGED_UNITS, UNIT, USER } from './places.ts'
import type { Owner, RunProgram } from './programs.ts'

/** Those that may be wanted, whatever is answered. */
const WANTED_PORTS = [25, 80, 443, 587, 993] as const

/** sd_booted(3). */
const SYSTEMD_RUNS = '/run/systemd/system'

const read = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null)

/** @param ownPid of our running server, whose ports are not held by another */
export async function lookAround(places: Places, ownPid: number | null): Promise<Around> {
  const held = new Map<number, HeldPort>()
  if (places.wholeSystem)
    for (const port of WANTED_PORTS) {
      const holder = await heldPort(port)
      if (holder !== null && holder.pid !== ownPid && holder.unit !== UNIT) held.set(port, holder)
    }
  return {
    system: systemName((await read('/etc/os-release')) ?? ''),
    cores: availableParallelism(),
    memoryOctets: totalmem(),
    facts: hostFacts(),
    held,
    ownPid,
    systemd: places.wholeSystem && existsSync(SYSTEMD_RUNS),
  }
}

/** os-release(5). */
export function systemName(text: string): string {
  return /^PRETTY_NAME=["']?([^"'\n]*)/m.exec(text)?.[1] ?? process.platform
}

/** passwd(5). @returns null when there is no such user */
export async function userOwner(name: string = USER): Promise<Owner | null> {
  const line = ((await read('/etc/passwd')) ?? '').split('\n').find((each) => each.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) }
}

/** @param accounts addresses that have accounts already */
export async function lookAtFound(
  places: Places,
  options: {
    readonly dataDir: string
    readonly domain: string
    readonly first: string
    readonly accounts: readonly string[]
    readonly systemd: boolean
    readonly run: RunProgram
  },
): Promise<Found> {
  const { dataDir, domain, first, accounts, systemd, run } = options
  const asks = async (verb: string): Promise<boolean> => systemd && (await run('systemctl', [verb, UNIT])).code === 0
  return {
    config: await read(places.config),
    unit: await unitOf(places),
    user: (await userOwner()) !== null,
    dataDir: await isOurs(dataDir, places),
    keys: (await readDkimKeys(dataDir, domain)).length > 0,
    account: accounts.includes(first),
    running: await asks('is-active'),
    enabled: await asks('is-enabled'),
  }
}

/** A folder that somebody made beforehand, and that is not gavan's, is to be made so. */
async function isOurs(dataDir: string, { wholeSystem }: Places): Promise<boolean> {
  const there = await stat(dataDir).catch(() => null)
  return there !== null && (!wholeSystem || there.uid === (await userOwner())?.uid)
}

async function unitOf({ unit, wholeSystem }: Places): Promise<Found['unit']> {
  const own = await read(unit)
  if (own !== null) return { text: own, packaged: false }
  for (const path of wholeSystem ? PACKAGED_UNITS : []) {
    const text = await read(path)
    if (text !== null) return { text, packaged: true }
  }
  return null
}

/** Nothing is opened where nothing is: the store would make its files. */
export const hasStore = ({ dataDir }: Config): boolean => existsSync(join(dataDir, 'installation-secret'))
