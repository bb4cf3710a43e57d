import { parseIp } from '../../../model/network.ts'
import type { PlanRow } from '../../../exposure/contract.ts'
import type { Resolver } from '../../../model/dns.ts'
import { text, type Check, type DoctorInput, type Finding, type Reached, type Text } from '../contract.ts'

const GROUP = 'outside'

export function outsideChecks(input: DoctorInput): Check[] {
  return [
    { name: 'strangers', group: GROUP, run: () => strangers(input) },
    { name: 'outgoing', group: GROUP, run: () => outgoing(input) },
  ]
}

// From outside, by evidence: whoever came is proof that it is open; that nobody came yet proves nothing ------------------

async function strangers({ probes, plan }: DoctorInput): Promise<Finding[]> {
  const server = await probes.server()
  if (server === null) return []
  return (
    plan.rows
      // Whoever comes by way of another program is seen by that one only.
      .filter(({ opening, behind }) => opening === 'outside' && behind === undefined)
      .map((row): Finding => {
        const seen = server.evidence.find(({ service }) => service === row.service)?.stranger ?? null
        const base = { id: `seen:${row.service}`, group: GROUP, label: portLabel(row) } as const
        if (seen === null) return { ...base, state: 'not-checked', says: NOBODY_YET, fix: howToTry(row) }
        const { en, ru } = ago(seen.secondsAgo)
        return {
          ...base,
          state: 'ok',
          says: text(`a stranger connected ${en} (${seen.address})`, `${ru} подключался посторонний (${seen.address})`),
        }
      })
  )
}

const portLabel = ({ port }: PlanRow): Text => text(`port ${port}`, `порт ${port}`)
const NOBODY_YET = text(
  'no visitor from outside yet: whether it can be reached is not known',
  'снаружи ещё никто не приходил: доступен ли порт, неизвестно',
)

function howToTry({ service }: PlanRow): Text[] {
  const probe = text(
    'from any other machine: npx gavan probe HOST',
    'с любой другой машины: npx gavan probe ИМЯ_СЕРВЕРА',
  )
  if (service !== 'http' && service !== 'https') return [probe]
  return [
    text('with a phone on mobile data: gavan doctor --phone', 'с телефона по мобильной сети: gavan doctor --phone'),
    probe,
  ]
}

function ago(seconds: number): Text {
  if (seconds < 90) return text(`${Math.round(seconds)} s ago`, `${Math.round(seconds)} с назад`)
  if (seconds < 90 * 60) return text(`${Math.round(seconds / 60)} min ago`, `${Math.round(seconds / 60)} мин назад`)
  return text(`${Math.round(seconds / 3600)} h ago`, `${Math.round(seconds / 3600)} ч назад`)
}

// Outgoing 25 (D8) -------------------------------------------------------------------------------------------------------

async function outgoing(input: DoctorInput): Promise<Finding[]> {
  const { plan, targets, probes } = input
  const { to, port } = plan.outgoing
  if (to !== 'anywhere') return [await smarthost(input, to.host, port)]
  const findings: Finding[] = []
  for (const family of [4, 6] as const) {
    const tried = await Promise.all(
      targets.outgoing.map(async ({ host, port: at }) => {
        const address = await addressOf(host, family, probes.resolver)
        return { host, reached: address === null ? null : await probes.connect(address, at) }
      }),
    )
    findings.push(verdict(family, tried))
  }
  return findings
}

type Tried = { readonly host: string; readonly reached: Reached | null }

/** One target that answers is proof enough; silence of all that were found is a block. */
function verdict(family: 4 | 6, tried: readonly Tried[]): Finding {
  const base = {
    id: `outgoing:${family}`,
    group: GROUP,
    label: text(`outgoing 25, IPv${family}`, `исходящий 25, IPv${family}`),
    flaky: true,
  } as const
  const found = tried.filter((each): each is Tried & { reached: Reached } => each.reached !== null)
  const passed = found.find(({ reached }) => reached === 'open' || reached === 'refused')
  if (passed !== undefined)
    return { ...base, state: 'ok', says: text(`${passed.host} answers`, `${passed.host} отвечает`) }
  if (found.length === 0)
    return {
      ...base,
      state: 'not-checked',
      says: text('no address of a mail server to try was found', 'не нашлось адреса почтового сервера для проверки'),
    }
  if (found.every(({ reached }) => reached === 'no-route'))
    return family === 6
      ? { ...base, state: 'info', says: text('this machine has no IPv6', 'на этой машине нет IPv6') }
      : { ...base, state: 'problem', says: text('this machine has no way out', 'с этой машины нет выхода наружу') }
  const names = found.map(({ host }) => host).join(', ')
  return {
    ...base,
    state: 'problem',
    says: text(
      `time-out to ${names}: the provider blocks it, as many do`,
      `нет ответа от ${names}: провайдер блокирует порт, так делают многие`,
    ),
    fix: [
      text(
        'ask the provider to open it; a letter is ready: gavan doctor letter port25',
        'попросите провайдера открыть порт; письмо готово: gavan doctor letter port25',
      ),
      text(
        'or send through a smarthost on 587: relay.smarthost.host in gavan.toml',
        'или отправляйте через чужой сервер на 587: relay.smarthost.host в gavan.toml',
      ),
    ],
  }
}

async function smarthost({ probes }: DoctorInput, host: string, port: number): Promise<Finding> {
  const base = { id: 'smarthost', group: GROUP, label: text('smarthost', 'сервер отправки'), flaky: true } as const
  const addresses = [await addressOf(host, 4, probes.resolver), await addressOf(host, 6, probes.resolver)]
  const known = addresses.filter((address) => address !== null)
  if (known.length === 0)
    return { ...base, state: 'problem', says: text(`${host} has no address`, `у ${host} нет адреса`) }
  for (const address of known)
    if ((await probes.connect(address, port)) === 'open')
      return { ...base, state: 'ok', says: text(`${host} port ${port} answers`, `${host}, порт ${port}, отвечает`) }
  return {
    ...base,
    state: 'problem',
    says: text(`${host} port ${port} does not answer`, `${host}, порт ${port}, не отвечает`),
  }
}

async function addressOf(host: string, family: 4 | 6, resolver: Resolver): Promise<string | null> {
  const octets = parseIp(host)
  if (octets !== null) return octets.length === (family === 4 ? 4 : 16) ? host : null
  const answer = await resolver.query(host, family === 4 ? 'A' : 'AAAA')
  return answer.at === 'found' ? (answer.records[0] ?? null) : null
}
