import { parseHeaderDate } from '../../format/header/date.ts'
import { DAY, MINUTE } from '../../std/clock.ts'
import { hasTag, string, strings, tagString, ScriptError, type Machine } from '../machine.ts'
import { findFields } from '../fields.ts'
import { matchAny } from '../match/match.ts'
import type { ArgumentSpec, Extension, Node, TagSpec } from '../spec.ts'
import type { Field } from '../message/edited-header.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const pad = (value: number, length = 2): string => String(value).padStart(length, '0')

/** RFC 5260 §4.2. `local` is the moment as if its zone were UTC. */
const PARTS: Record<string, (local: Date, zoneMinutes: number) => string> = {
  year: (local) => pad(local.getUTCFullYear(), 4),
  month: (local) => pad(local.getUTCMonth() + 1),
  day: (local) => pad(local.getUTCDate()),
  date: (local) => local.toISOString().slice(0, 10),
  julian: (local) => String(Math.floor(local.getTime() / DAY) + 40_587), // 1970-01-01 is day 40587.
  hour: (local) => pad(local.getUTCHours()),
  minute: (local) => pad(local.getUTCMinutes()),
  second: (local) => pad(local.getUTCSeconds()),
  time: (local) => local.toISOString().slice(11, 19),
  iso8601: (local, zone) => `${local.toISOString().slice(0, 19)}${zone === 0 ? 'Z' : printZone(zone, ':')}`,
  std11: (local, zone) => {
    const day = `${DAYS[local.getUTCDay()]}, ${pad(local.getUTCDate())} ${MONTHS[local.getUTCMonth()]} ${pad(local.getUTCFullYear(), 4)}`
    return `${day} ${local.toISOString().slice(11, 19)} ${printZone(zone, '')}`
  },
  zone: (_, zone) => printZone(zone, ''),
  weekday: (local) => String(local.getUTCDay()),
}

function printZone(minutes: number, colon: string): string {
  const absolute = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(absolute / 60))}${colon}${pad(absolute % 60)}`
}

const ZONE = /^([+-])([0-9]{2})([0-5][0-9])$/
function readZone(text: string): number | null {
  const found = ZONE.exec(text)
  if (found === null) return null
  const minutes = Number(found[2]) * 60 + Number(found[3])
  return found[1] === '-' ? -minutes : minutes
}

/** Years beyond four digits are no dates of letters. */
const MOST_MS = Date.UTC(9999, 11, 31)

function printPart(
  machine: Machine,
  node: Node,
  part: string,
  epochMs: number,
  originalZone: number | null,
): string | null {
  const print = PARTS[part.toLowerCase()]
  if (print === undefined) return null
  const written = tagString(machine, node, 'zone')
  let zone = hasTag(node, 'originalzone') && originalZone !== null ? originalZone : null
  if (written !== null) {
    zone = readZone(written)
    if (zone === null) throw new ScriptError(`“${written.slice(0, 40)}” is no time zone, such as "+0200"`)
  }
  zone ??= machine.environment.zoneMinutes?.(epochMs) ?? 0
  const local = epochMs + zone * MINUTE
  return Math.abs(local) > MOST_MS ? null : print(new Date(local), zone)
}

/** RFC 5260 §4: the whole field, or what follows its last semicolon. */
function readDate(field: Field): { epochMs: number; offsetMinutes: number } | null {
  const raw = field.raw()
  return parseHeaderDate(raw.slice(raw.lastIndexOf(';') + 1).trim())
}

const ZONE_TAG: TagSpec = {
  name: 'zone',
  group: 'zone',
  takes: 'string',
  check: (zone) =>
    readZone(String(zone)) === null ? `“${String(zone).slice(0, 40)}” is no time zone, such as "+0200"` : null,
}
const PART_ARGUMENT: ArgumentSpec = {
  what: 'the part of the date',
  kind: 'string',
  check: (part) => (String(part).toLowerCase() in PARTS ? null : `a date has no part “${String(part).slice(0, 40)}”`),
}
const KEYS: ArgumentSpec = { what: 'the keys', kind: 'strings' }

/** RFC 5260 §4, §5. */
export const date: Extension = {
  capability: 'date',
  tests: [
    {
      name: 'date',
      matching: true,
      tags: [ZONE_TAG, { name: 'originalzone', group: 'zone' }],
      args: [{ what: 'the header', kind: 'string' }, PART_ARGUMENT, KEYS],
      run(machine, node) {
        const [field] = findFields(machine, node, [string(machine, node, 0)]) as Field[]
        const found = field === undefined ? null : readDate(field)
        const text =
          found === null ? null : printPart(machine, node, string(machine, node, 1), found.epochMs, found.offsetMinutes)
        // RFC 5260 §4: the count is 1 for a date, else 0.
        return matchAny(machine, node.match!, text === null ? [] : [text], strings(machine, node, 2))
      },
    },
    {
      name: 'currentdate',
      matching: true,
      tags: [ZONE_TAG],
      args: [PART_ARGUMENT, KEYS],
      run(machine, node) {
        const text = printPart(machine, node, string(machine, node, 0), machine.now, null)
        return matchAny(machine, node.match!, text === null ? [] : [text], strings(machine, node, 1))
      },
    },
  ],
}

/** RFC 5260 §6. */
export const INDEX_TAGS: readonly TagSpec[] = [
  { name: 'index', takes: 'number', check: (index) => (Number(index) < 1 ? '“:index” counts from 1' : null) },
  { name: 'last', needs: 'index' },
]

export const index: Extension = {
  capability: 'index',
  adds: [{ to: ['header', 'address', 'date'], tags: INDEX_TAGS }],
}
