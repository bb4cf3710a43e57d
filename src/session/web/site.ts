/** Port 443 until webmail is there: what mail programs and other servers look up, and pages for people. */
import type { Site, WebAnswer } from '../../model/web.ts'
import { printStsPolicy } from '../../format/mta-sts/policy.ts'
import { isRead, notAllowed, notFound, textAnswer } from './answers.ts'
import { autoconfig, autodiscover, autodiscoverJson, mobileconfig } from './client-setup.ts'
import type { SiteFacts } from './contract.ts'
import { frontPage, PROFILE_PATH, SETUP_PATH, setupPage } from './pages.ts'
import { WELCOME_PATH } from './welcome.ts'

/** RFC 6797 §6.1.1; two years, as browsers' lists ask for. */
const HSTS = 'max-age=63072000'

export function secureSite(facts: SiteFacts): Site {
  const byPath = new Map<string, Site>([
    ['/', frontPage],
    ['/mail/config-v1.1.xml', autoconfig(facts)],
    ['/.well-known/autoconfig/mail/config-v1.1.xml', autoconfig(facts)],
    ['/autodiscover/autodiscover.xml', autodiscover(facts)],
    ['/autodiscover/autodiscover.json', autodiscoverJson(facts)],
    ['/.well-known/mta-sts.txt', mtaSts(facts)],
    [PROFILE_PATH, mobileconfig(facts)],
    [SETUP_PATH, setupPage(facts)],
    [WELCOME_PATH, facts.welcome],
  ])
  return async (request) => {
    // Outlook writes /Autodiscover/Autodiscover.xml, older ones /AutoDiscover/AutoDiscover.xml.
    const path = /^\/autodiscover\//i.test(request.path) ? request.path.toLowerCase() : request.path
    const answer = await (byPath.get(path)?.(request) ?? notFound)
    return facts.trusted() ? withHsts(answer) : answer
  }
}

function withHsts(answer: WebAnswer): WebAnswer {
  return { ...answer, headers: { ...answer.headers, 'strict-transport-security': HSTS } }
}

/** RFC 8461 §3.3: at `mta-sts.DOMAIN` and no other name, without redirects. */
function mtaSts({ domains, stsPolicy }: SiteFacts): Site {
  return async (request) => {
    if (!isRead(request)) return notAllowed('GET, HEAD')
    const domain = request.host?.startsWith('mta-sts.') === true ? request.host.slice('mta-sts.'.length) : null
    if (stsPolicy === null || domain === null || !(await domains()).has(domain)) return notFound
    return textAnswer(200, printStsPolicy(stsPolicy), { 'content-type': 'text/plain' })
  }
}

/** Names under which mail programs and servers look for us, besides the host's own (`knowsHost` of port 80). */
export async function isNameOfOurs(host: string, domains: () => Promise<ReadonlySet<string>>): Promise<boolean> {
  const ours = await domains()
  return ours.has(host) || ours.has(host.replace(/^(autoconfig|autodiscover|mta-sts)\./, ''))
}
