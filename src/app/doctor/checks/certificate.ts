import { DOCTOR_CERTIFICATE_DAYS_LEFT_MIN } from '../../../model/limits.ts'
import { DAY } from '../../../std/clock.ts'
import { text, type Check, type DoctorInput, type Finding } from '../contract.ts'

const GROUP = 'certificate'

export function certificateChecks(input: DoctorInput): Check[] {
  return [{ name: 'certificate', group: GROUP, run: async () => [await certificate(input)] }]
}

async function certificate({ plan, probes, acme }: DoctorInput): Promise<Finding> {
  const base = { id: 'certificate', group: GROUP, label: text('certificate', 'сертификат') } as const
  const row = plan.rows.find(({ tls, opening }) => tls === 'implicit' && opening !== 'off')
  const { hostname } = plan
  if (row === undefined || hostname === null)
    return { ...base, state: 'not-checked', says: text('no port to ask', 'нет порта, где его спросить') }
  const seen = await probes.certificate(row.port, hostname)
  if (seen === null)
    return {
      ...base,
      state: 'not-checked',
      says: text(`port ${row.port} does not answer`, `порт ${row.port} не отвечает`),
    }
  const trouble = (await probes.server())?.certificateTrouble ?? null
  const days = Math.floor((seen.notAfter - probes.now()) / DAY)
  const names = seen.names.join(', ')
  if (seen.selfMade)
    return {
      ...base,
      state: 'warning',
      says: text(
        `made by ourselves: browsers and other servers do not know it${trouble === null ? '' : `; ${trouble}`}`,
        `сделан нами: браузеры и чужие серверы его не знают${trouble === null ? '' : `; ${trouble}`}`,
      ),
      fix: acme
        ? [
            text(
              'it comes by itself once port 80 and DNS are right: gavan cert status',
              'придёт сам, когда порт 80 и DNS будут в порядке: gavan cert status',
            ),
          ]
        : [
            text(
              'tls.acme = "letsencrypt" in gavan.toml, or tls.cert and tls.key',
              'tls.acme = "letsencrypt" в gavan.toml, или tls.cert и tls.key',
            ),
          ],
    }
  if (!seen.names.some((name) => covers(name, hostname)))
    return {
      ...base,
      state: 'problem',
      says: text(`is for ${names}, not for ${hostname}`, `выдан на ${names}, а не на ${hostname}`),
    }
  const says = text(`${seen.issuer}: ${names}; ${days} days left`, `${seen.issuer}: ${names}; осталось дней: ${days}`)
  if (days < 0)
    return { ...base, state: 'problem', says: text(`expired ${-days} days ago`, `истёк, дней назад: ${-days}`) }
  return { ...base, state: days < DOCTOR_CERTIFICATE_DAYS_LEFT_MIN ? 'warning' : 'ok', says }
}

/** RFC 6125 §6.4.3. */
const covers = (name: string, host: string): boolean =>
  name === host || (name.startsWith('*.') && host.slice(host.indexOf('.') + 1) === name.slice(2))
