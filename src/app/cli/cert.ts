/** `gavan cert status|renew|revoke`. */
import { Command } from 'commander'
import type { CertificateFacts, DryRun, LeftOut, Preflight, ToldFailure } from '../../core/certificates/contract.ts'
import { DAY } from '../../std/clock.ts'
import { REVOCATION_REASONS } from '../../model/certificate.ts'
import type { CertificatesView, RenewalView } from '../admin/certificates.ts'
import type { Call, WithAdmin } from './nouns.ts'
import { CliError, EXIT, print, printJson } from './output.ts'

const isJson = (command: Command): boolean => command.optsWithGlobals()['json'] === true
const time = (at: number): string =>
  new Date(at)
    .toISOString()
    .replace(/:\d\d\.\d{3}Z$/, 'Z')
    .replace('T', ' ')

const SOURCES: Record<CertificatesView['source'], string> = {
  acme: 'from the CA',
  files: 'from files (tls.cert)',
  'own-ca': 'of our own CA: browsers warn',
}

export function certCommand(withAdmin: WithAdmin): Command {
  const noun = new Command('cert').description('certificates: in use, renewal, the last failure')
  noun
    .command('status')
    .description('what is in use, when it is renewed, what went wrong last')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) =>
      withAdmin(command, async (call) => {
        const view = (await call('GET', '/v1/certificates')) as unknown as CertificatesView
        if (isJson(command)) return printJson({ ...view })
        for (const line of statusLines(view, Date.now())) print(line)
      }),
    )
  noun
    .command('renew')
    .description('ask the CA now, whatever the schedule says')
    .option('--dry-run', 'only say what would come of it')
    .option('--json', 'machine-readable')
    .action(async (options: { dryRun?: true }, command: Command) =>
      withAdmin(command, async (call) => {
        const renewal = await renew(call, options.dryRun === true)
        if (renewal.at === 'failed') {
          const { what, fix } = renewal.failure
          throw new CliError(EXIT.failed, what, `${fix}; next try by itself: ${time(renewal.nextTryAt)}`)
        }
        if (isJson(command)) printJson({ renewal })
        else for (const line of renewalLines(renewal)) print(line)
        if (renewal.at === 'dry-run' && wouldFail(renewal)) process.exitCode = EXIT.failed
      }),
    )
  noun
    .command('revoke')
    .description('revoke the certificate in use; a new one is asked for at once')
    .option('--reason <reason>', Object.keys(REVOCATION_REASONS).join(', '), 'keyCompromise')
    .option('--json', 'machine-readable')
    .action(async (options: { reason: string }, command: Command) =>
      withAdmin(command, async (call) => {
        await call('POST', '/v1/certificates/revoke', { reason: options.reason })
        if (isJson(command)) printJson({ revoked: true })
        else print('The certificate is revoked. A new one is being asked for: gavan cert status')
      }),
    )
  return noun
}

async function renew(call: Call, dryRun: boolean): Promise<RenewalView> {
  let answer = await call('POST', '/v1/certificates/renew', { dryRun })
  for (;;) {
    const renewal = answer['renewal'] as RenewalView | { readonly at: 'working' }
    if (renewal.at !== 'working') return renewal
    answer = await call('GET', '/v1/certificates/renew')
  }
}

const wouldFail = ({ preflight, staging }: DryRun): boolean =>
  staging?.at === 'failed' || (staging === null && preflight.names[0]?.check.at === 'not-ours')

function certificateLines({ names, issuer, notAfter, fingerprint }: CertificateFacts, now: number): string[] {
  const days = Math.floor((notAfter - now) / DAY)
  const left = notAfter <= now ? 'ENDED' : `${days} days left`
  return [
    `  names        ${names.join(', ')}`,
    `  issuer       ${issuer}`,
    `  ends         ${time(notAfter)} (${left})`,
    `  fingerprint  ${fingerprint}`,
  ]
}

const failureLines = ({ at, what, fix }: ToldFailure): string[] => [
  `Last failure, ${time(at)}: ${what}`,
  `  fix  ${fix}`,
]

export function statusLines(view: CertificatesView, now: number): string[] {
  const lines = [`In use, ${SOURCES[view.source]}:`]
  for (const certificate of view.certificates) lines.push(...certificateLines(certificate, now))
  if (view.acme === null) return lines
  const { directory, state, working, preflight } = view.acme
  lines.push(`CA: ${directory}`)
  if (working) lines.push('A certificate is being asked for now.')
  if (state.renewAt !== null) {
    const why = state.renewalWindow === null ? 'two thirds of its life' : 'the CA named the time (ARI)'
    lines.push(`Renewal: ${time(state.renewAt)} (${why})`)
  }
  if (state.challenge !== null) lines.push(`Proven by: ${state.challenge}`)
  lines.push(...state.notes.map((note) => `Note: ${note}`))
  lines.push(...leftOutLines(state.leftOut, preflight, now))
  if (state.lastFailure !== null) lines.push(...failureLines(state.lastFailure))
  if (state.nextTryAt !== null) lines.push(`Next try: ${time(state.nextTryAt)} (failed ${state.failures} times)`)
  return lines
}

function leftOutLines(leftOut: readonly LeftOut[], preflight: Preflight | null, now: number): string[] {
  const refused = leftOut.filter(({ until }) => until > now).map(({ name, why }) => `Left out: ${name}: ${why}`)
  return [...refused, ...(preflight === null ? [] : preflightLines(preflight))]
}

function preflightLines({ names, port80 }: Preflight): string[] {
  const bad = names.flatMap(({ name, check, caa }) => {
    if (check.at === 'not-ours') return [`Left out: ${name}: ${check.why}`]
    if (caa.at === 'forbidden') return [`Left out: ${name}: ${caa.why}`]
    return check.at === 'not-checked' ? [`Not checked: ${name}: ${check.why}`] : []
  })
  return port80.at === 'reached' ? bad : [...bad, `Port 80 from here: not checked, ${port80.why}`]
}

function renewalLines(renewal: Exclude<RenewalView, { at: 'failed' }>): string[] {
  if (renewal.at === 'nothing') return ['Nothing was asked for.']
  if (renewal.at === 'issued')
    return [`A certificate for ${renewal.names.join(', ')} is in use.`, ...renewal.notes.map((note) => `Note: ${note}`)]
  const { preflight, staging } = renewal
  const asked = preflight.names.filter(({ check, caa }) => check.at !== 'not-ours' && caa.at !== 'forbidden')
  const head = [`Would be asked for: ${asked.map(({ name }) => name).join(', ')}`, ...preflightLines(preflight)]
  if (staging === null) return [...head, 'This CA has no staging side to try it with; nothing was ordered.']
  return [...head, ...(staging.at === 'issued' ? ['The staging CA would give it.'] : failureLines(staging.failure))]
}
