/** What mail programs ask for, to set themselves up from an address alone. */
import { parseAddress } from '../../format/address/address.ts'
import {
  autodiscoverAddress,
  printAutodiscover,
  printAutodiscoverError,
} from '../../format/client-setup/autodiscover.ts'
import { printAutoconfig } from '../../format/client-setup/autoconfig.ts'
import { printMobileconfig } from '../../format/client-setup/mobileconfig.ts'
import type { Site, WebRequest } from '../../model/web.ts'
import { isRead, notAllowed, notFound, preferredLanguage, textAnswer, xmlAnswer } from './answers.ts'
import type { SiteFacts } from './contract.ts'
import { WORDS } from './words.ts'

/** @returns the address when its domain is kept here; whether there is such an account is nobody's business */
export async function ourAddress(text: string | null, { domains }: SiteFacts): Promise<string | null> {
  const parsed = text === null ? null : parseAddress(text)
  if (parsed === null || !parsed.ok || !(await domains()).has(parsed.value.domain)) return null
  return text
}

/** Thunderbird, at `autoconfig.DOMAIN` and under `/.well-known/autoconfig/`. */
export function autoconfig(facts: SiteFacts): Site {
  return async (request) => {
    if (!isRead(request)) return notAllowed('GET, HEAD')
    const servers = facts.serversFor(request.remote)
    const domain = await domainAskedFor(request, facts)
    if (domain === null || servers.length === 0) return notFound
    return xmlAnswer(printAutoconfig({ domain, servers, address: null }))
  }
}

/** Of the address asked for, of the host's name, or the only one there is. */
async function domainAskedFor({ host, query }: WebRequest, { domains }: SiteFacts): Promise<string | null> {
  const ours = await domains()
  const asked = query.get('emailaddress')
  const parsed = asked === null ? null : parseAddress(asked)
  if (parsed !== null) return parsed.ok && ours.has(parsed.value.domain) ? parsed.value.domain : null
  const named = host?.replace(/^autoconfig\./, '') ?? ''
  if (ours.has(named)) return named
  const [only] = ours
  return only !== undefined && ours.size === 1 ? only : null
}

/** MS-OXDSCLI §2.2.4.1.1.3.1 */
const NO_SUCH_PROVIDER = 601

/** Outlook, POX. */
export function autodiscover(facts: SiteFacts): Site {
  return async (request) => {
    if (request.method !== 'POST') return notAllowed('POST')
    const address = await ourAddress(autodiscoverAddress(request.body), facts)
    const servers = facts.serversFor(request.remote)
    if (address === null || servers.length === 0)
      return xmlAnswer(printAutodiscoverError(NO_SUCH_PROVIDER, 'No mail for this address here'))
    return xmlAnswer(printAutodiscover({ address, servers }))
  }
}

/** Outlook, JSON: where the POX one is. */
export function autodiscoverJson({ origin }: SiteFacts): Site {
  return (request) => {
    if (!isRead(request)) return notAllowed('GET, HEAD')
    const asked = request.query.get('Protocol') ?? request.query.get('protocol')
    const known = asked === null || asked.toLowerCase() === 'autodiscoverv1'
    const body = known
      ? { Protocol: 'AutodiscoverV1', Url: `${origin}/autodiscover/autodiscover.xml` }
      : { ErrorCode: 'InvalidProtocol', ErrorMessage: `The given protocol value is not supported: AutodiscoverV1 is.` }
    return textAnswer(known ? 200 : 400, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json' })
  }
}

/** iPhone, iPad, Mac: a profile that they ask to install, signed where that is believed. It holds no password. */
export function mobileconfig(facts: SiteFacts): Site {
  return async (request) => {
    if (!isRead(request)) return notAllowed('GET, HEAD')
    const address = await ourAddress(request.query.get('address'), facts)
    if (address === null) return notFound
    const { hostname } = facts
    const words = WORDS[preferredLanguage(request.header('accept-language') ?? '')].profile
    const servers = facts.serversFor(request.remote)
    const profile = printMobileconfig({ address, hostname, servers, words })
    if (profile === null) return notFound
    const headers = {
      'content-type': 'application/x-apple-aspen-config; charset=utf-8',
      'content-disposition': 'attachment; filename="mail.mobileconfig"',
      vary: 'accept-language',
    }
    const signed = facts.signed(Buffer.from(profile))
    if (signed === null) return textAnswer(200, profile, headers)
    return { ...textAnswer(200, '', { ...headers, 'content-type': 'application/x-apple-aspen-config' }), body: signed }
  }
}
