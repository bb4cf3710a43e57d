import { createExaminers } from '../core/screening/examiners.ts'
import type { Examiner, Examiners } from '../core/screening/contract.ts'
import { networksContain } from '../model/network.ts'
import { createDialler } from '../net/dial.ts'
import { createClamav } from '../outbound/examiners/clamav.ts'
import { createRspamd } from '../outbound/examiners/rspamd.ts'
import { noMetrics } from '../std/metrics.ts'
import type { ScreeningSettings } from './settings.ts'
import type { Parts } from './wire.ts'

/** The other programs that look at letters; null: none does. */
export function wireExaminers(
  settings: Pick<ScreeningSettings, 'clamav' | 'rspamd' | 'whenDown' | 'exempt'> | null,
  parts: Pick<Parts, 'clock' | 'random' | 'log' | 'metrics'> & { readonly hostname: string },
): Examiners | null {
  if (settings === null) return null
  const { clock, random, log, metrics = noMetrics, hostname } = parts
  const { clamav, rspamd, whenDown, exempt } = settings
  const dialler = createDialler({ clock, random })
  const examiners: Examiner[] = []
  if (clamav !== null) examiners.push(createClamav({ dialler, endpoint: clamav }))
  if (rspamd !== null) examiners.push(createRspamd({ dialler, endpoint: rspamd, hostname }))
  if (examiners.length === 0) return null
  const of = { exempt: (address: string) => networksContain(exempt, address), clock, log, metrics }
  return createExaminers({ examiners, whenDown, ...of })
}
