import type { PlanRow } from '../../../exposure/contract.ts'
import { PLAN_WORDS } from '../../../exposure/words/words.ts'
import { DOCTOR_CLOCK_OFF_BAD_MS, DOCTOR_CLOCK_OFF_MS, DOCTOR_DISK_FREE_MIN_SHARE } from '../../../model/limits.ts'
import { printOctets } from '../../cli/units.ts'
import {
  text,
  type Check,
  type DoctorInput,
  type Finding,
  type HeldPort,
  type ServerFacts,
  type Text,
} from '../contract.ts'

const GROUP = 'machine'

export function machineChecks(input: DoctorInput): Check[] {
  return [
    { name: 'clock', group: GROUP, run: async () => [await clock(input)] },
    { name: 'disk', group: GROUP, run: () => disk(input) },
    { name: 'memory', group: GROUP, run: async () => [memory(input)] },
    { name: 'ports', group: GROUP, run: () => ports(input) },
    { name: 'addresses', group: GROUP, run: async () => addresses(input) },
  ]
}

async function clock({ probes }: DoctorInput): Promise<Finding> {
  const label = text('clock', 'часы')
  const base = { id: 'clock', group: GROUP, label, flaky: true } as const
  const ahead = await probes.clockAhead()
  if (ahead === null)
    return { ...base, state: 'not-checked', says: text('no time server answered', 'сервер времени не ответил') }
  const off = Math.abs(ahead)
  const seconds = (off / 1000).toFixed(off < 10_000 ? 2 : 0)
  const says = text(`${seconds} s off`, `расходятся на ${seconds} с`)
  if (off < DOCTOR_CLOCK_OFF_MS) return { ...base, state: 'ok', says }
  const why = text(
    'certificates, DKIM and one-time passwords depend on the time',
    'от времени зависят сертификаты, DKIM и одноразовые пароли',
  )
  return {
    ...base,
    state: off < DOCTOR_CLOCK_OFF_BAD_MS ? 'warning' : 'problem',
    says: text(`${says.en}: ${why.en}`, `${says.ru}: ${why.ru}`),
    fix: [text('sudo timedatectl set-ntp true', 'sudo timedatectl set-ntp true')],
  }
}

async function disk({ probes, dataDir, messageMaxOctets }: DoctorInput): Promise<Finding[]> {
  const seen = await probes.disk(dataDir)
  const base = { id: 'disk', group: GROUP, label: text('disk', 'диск') } as const
  if (seen === null)
    return [{ ...base, state: 'not-checked', says: text(`${dataDir} is not there yet`, `${dataDir} ещё нет`) }]
  const { freeOctets, totalOctets, freeInodes, totalInodes } = seen
  const share = freeOctets / Math.max(1, totalOctets)
  const says = text(
    `${printOctets(freeOctets)} free (${Math.round(share * 100)} %) under ${dataDir}`,
    `свободно ${printOctets(freeOctets)} (${Math.round(share * 100)} %), ${dataDir}`,
  )
  // R6: mail is refused below these.
  const state = freeOctets < 1.5 * messageMaxOctets ? 'problem' : share < DOCTOR_DISK_FREE_MIN_SHARE ? 'warning' : 'ok'
  const fix = [
    text(
      'free some space, or move data_dir to a larger disk',
      'освободите место или перенесите data_dir на больший диск',
    ),
  ]
  const findings: Finding[] = [{ ...base, state, says, ...(state === 'ok' ? {} : { fix }) }]
  if (totalInodes > 0 && freeInodes / totalInodes < DOCTOR_DISK_FREE_MIN_SHARE)
    findings.push({
      id: 'inodes',
      group: GROUP,
      state: 'warning',
      label: text('inodes', 'индексные дескрипторы'),
      says: text(
        `${freeInodes} left: no new files soon`,
        `осталось ${freeInodes}: скоро не будет места для новых файлов`,
      ),
    })
  return findings
}

function memory({ probes }: DoctorInput): Finding {
  const { freeOctets, totalOctets } = probes.memory()
  return {
    id: 'memory',
    group: GROUP,
    state: freeOctets / Math.max(1, totalOctets) < 0.03 ? 'warning' : 'ok',
    label: text('memory', 'память'),
    says: text(`${printOctets(freeOctets)} to be had`, `доступно ${printOctets(freeOctets)}`),
  }
}

// Ports (D16, D17) ------------------------------------------------------------------------------------------------------

async function ports({ probes, plan }: DoctorInput): Promise<Finding[]> {
  const server = await probes.server()
  const findings: Finding[] = []
  const ours: PlanRow[] = []
  for (const outer of plan.rows) {
    if (outer.behind !== undefined)
      findings.push(inFront(outer, outer.behind, await probes.holderOf(outer.port), server))
    const row = outer.behind === undefined ? outer : { ...outer, port: outer.behind }
    const holder = await probes.holderOf(row.port)
    if (row.opening === 'off') {
      if (holder !== null && !isOurs(holder, server)) findings.push(strangerOnOff(row, holder))
    } else if (holder === null || isOurs(holder, server)) {
      if (holder !== null || listens(row, server)) ours.push(row)
      else if (server !== null) findings.push(nobodyOn(row))
    } else findings.push(heldByOther(row, holder))
  }
  if (server === null)
    findings.unshift({
      id: 'server',
      group: GROUP,
      state: 'problem',
      label: text('server', 'сервер'),
      says: text('gavan does not run', 'gavan не запущен'),
      fix: [text('sudo systemctl start gavan', 'sudo systemctl start gavan')],
    })
  if (ours.length > 0)
    findings.push({
      id: 'listening',
      group: GROUP,
      state: 'ok',
      label: text('listening', 'слушает'),
      says: text(ours.map(({ port }) => port).join(' '), ours.map(({ port }) => port).join(' ')),
    })
  return findings
}

function addresses({ plan }: DoctorInput): Finding[] {
  return plan.warnings
    .filter(({ id }) => id === 'address-missing')
    .map(({ id, facts }) => ({
      id: `address:${facts['address']}`,
      group: GROUP,
      state: 'warning',
      label: text('listen', 'listen'),
      says: text(PLAN_WORDS.en.warning[id](facts), PLAN_WORDS.ru.warning[id](facts)),
    }))
}

const isOurs = (holder: HeldPort, server: ServerFacts | null): boolean => holder.pid === server?.pid
const listens = ({ service }: PlanRow, server: ServerFacts | null): boolean =>
  server?.evidence.some((each) => each.service === service && each.listening) === true

const portLabel = ({ port }: PlanRow): Text => text(`port ${port}`, `порт ${port}`)

function nobodyOn(row: PlanRow): Finding {
  return {
    id: `port:${row.service}`,
    group: GROUP,
    state: 'problem',
    label: portLabel(row),
    says: text(`nothing listens there, and ${row.service} is wanted`, `никто не слушает, а ${row.service} нужен`),
    fix: [text('sudo systemctl restart gavan', 'sudo systemctl restart gavan')],
  }
}

/** The program that has the port and hands on. Whether it does, a CA will find out, or `gavan cert renew --dry-run`. */
function inFront(row: PlanRow, behind: number, holder: HeldPort | null, server: ServerFacts | null): Finding {
  const base = { id: `front:${row.service}`, group: GROUP, label: portLabel(row) } as const
  if (holder === null)
    return {
      ...base,
      state: 'problem',
      says: text(
        `nothing listens there; the program that hands on to ${behind} is away`,
        `никто не слушает: программы, которая передаёт запросы на ${behind}, нет`,
      ),
      fix: [
        text(
          `start it; or let gavan have the port: gavan.toml, ports.${row.service} = "on"`,
          `запустите её; или отдайте порт gavan: gavan.toml, ports.${row.service} = "on"`,
        ),
      ],
    }
  if (isOurs(holder, server)) return { ...base, state: 'ok', says: text('gavan itself', 'сам gavan') }
  const who = nameOf(holder)
  return {
    ...base,
    state: 'ok',
    says: text(`${who} has it, and hands on to ${behind}`, `занят: ${who}; передаёт запросы на ${behind}`),
  }
}

function heldByOther(row: PlanRow, holder: HeldPort): Finding {
  const who = nameOf(holder)
  const http = row.service === 'http'
  return {
    id: `port:${row.service}`,
    group: GROUP,
    state: 'problem',
    label: portLabel(row),
    says: http
      ? text(
          `held by ${who}, so the certificate authority gets its answer, not ours`,
          `занят: ${who}; центр сертификации получает его ответ, а не наш`,
        )
      : text(`held by ${who}`, `занят: ${who}`),
    fix: freeing(holder, row),
  }
}

function strangerOnOff(row: PlanRow, holder: HeldPort): Finding {
  return {
    id: `port:${row.service}`,
    group: GROUP,
    state: 'info',
    label: portLabel(row),
    says: text(
      `${row.service} is off here, and ${nameOf(holder)} answers there`,
      `${row.service} здесь выключен, а отвечает там ${nameOf(holder)}`,
    ),
  }
}

/** `nginx (pid 812, nginx.service, package nginx-core)`. */
function nameOf({ name, pid, unit, package: from, container }: HeldPort): string {
  const more = [
    `pid ${pid}`,
    ...(unit === null ? [] : [unit]),
    ...(from === null ? [] : [`package ${from}`]),
    ...(container === null ? [] : [`container ${container}`]),
  ]
  return `${name} (${more.join(', ')})`
}

/** Units of the usual ones, for when the system does not tell. */
const UNITS: Readonly<Record<string, string>> = {
  nginx: 'nginx.service',
  apache2: 'apache2.service',
  httpd: 'httpd.service',
  caddy: 'caddy.service',
  exim4: 'exim4.service',
  master: 'postfix.service',
  dovecot: 'dovecot.service',
}

function freeing(holder: HeldPort, row: PlanRow): Text[] {
  const { name, unit, container } = holder
  const off = text(
    `or do without it: gavan.toml, ports.${row.service} = "off"`,
    `или обойдитесь без него: gavan.toml, ports.${row.service} = "off"`,
  )
  if (container !== null || name === 'docker-proxy') {
    const which = container ?? text('CONTAINER', 'КОНТЕЙНЕР').en
    return [
      text(
        `docker ps --filter publish=${row.port}, then: docker stop ${which}`,
        `docker ps --filter publish=${row.port}, затем: docker stop ${which}`,
      ),
      off,
    ]
  }
  const service = unit ?? UNITS[name]
  const stop =
    service === undefined
      ? text(`end that program (pid ${holder.pid})`, `завершите эту программу (pid ${holder.pid})`)
      : text(`sudo systemctl disable --now ${service}`, `sudo systemctl disable --now ${service}`)
  return [stop, off]
}
