/** The pages that people see on 443 until webmail is there. No scripts. */
import { escapeXml as html } from '../../format/client-setup/xml.ts'
import type { ClientServer } from '../../model/client-server.ts'
import type { Site } from '../../model/web.ts'
import { isRead, notAllowed } from './answers.ts'
import { ourAddress } from './client-setup.ts'
import type { SiteFacts } from './contract.ts'
import { languageOf, page } from './shell.ts'
import { WORDS, type Words } from './words.ts'

export const SETUP_PATH = '/mail-setup'
export const PROFILE_PATH = '/mail-setup/mail.mobileconfig'

export const frontPage: Site = (request) => {
  if (!isRead(request)) return notAllowed('GET, HEAD')
  const language = languageOf(request)
  const { title, text, link } = WORDS[language].running
  return page(language, title, `<p>${html(text)}</p><p><a href="${SETUP_PATH}">${html(link)}</a></p>`)
}

/** Settings to type by hand, and the profile for Apple's devices with a code for the phone's camera. */
export function setupPage(facts: SiteFacts): Site {
  return async (request) => {
    if (!isRead(request)) return notAllowed('GET, HEAD')
    const language = languageOf(request)
    const words = WORDS[language].setup
    const given = request.query.get('address')
    const address = await ourAddress(given, facts)
    const servers = facts.serversFor(request.remote)
    const parts = [`<p>${html(words.lead)}</p>`, form(words, given ?? '')]
    if (given !== null && address === null) parts.push(`<p role="alert">${html(words.notOurs)}</p>`)
    if (servers.length === 0) parts.push(`<p role="alert">${html(words.nothing)}</p>`)
    else parts.push(table(words, servers, address))
    if (address !== null && servers.length > 0) parts.push(profile(words, facts, address))
    parts.push(`<p class="muted">${html(words.thunderbird)}</p>`)
    return page(language, words.title, parts.join(''))
  }
}

function form(words: Words['setup'], given: string): string {
  return (
    `<form action="${SETUP_PATH}"><label>${html(words.address)}` +
    `<input type="email" name="address" autocomplete="email" required value="${html(given)}"></label>` +
    `<button>${html(words.show)}</button></form>`
  )
}

function table(words: Words['setup'], servers: readonly ClientServer[], address: string | null): string {
  const heads = ['', words.server, words.port, words.security, words.user]
  const rows = servers.map(({ protocol, host, port, security }) => {
    const name = protocol === 'smtp' ? `${words.send} (SMTP)` : `${words.read} (${protocol.toUpperCase()})`
    const user = address === null ? html(words.wholeAddress) : `<code>${html(address)}</code>`
    return `<tr><th scope="row">${html(name)}</th>${cell(words.server, `<code>${html(host)}</code>`)}${cell(words.port, String(port))}${cell(words.security, html(words[security]))}${cell(words.user, user)}</tr>`
  })
  return (
    `<h2>${html(words.byHand)}</h2><table><thead><tr>` +
    heads.map((head) => (head === '' ? '<td></td>' : `<th scope="col">${html(head)}</th>`)).join('') +
    `</tr></thead><tbody>${rows.join('')}</tbody></table>`
  )
}

/** Under 640 px the label stands before the value, and the head of the table is for screen readers alone. */
const cell = (label: string, value: string): string => `<td data-label="${html(label)}">${value}</td>`

function profile(words: Words['setup'], { origin, qrCode }: SiteFacts, address: string): string {
  const path = `${PROFILE_PATH}?address=${encodeURIComponent(address)}`
  return (
    `<h2>${html(words.apple)}</h2><p>${html(words.appleText)}</p>` +
    `<p><a class="button" href="${html(path)}">mail.mobileconfig</a></p>` +
    `<p>${html(words.qr)}</p><div class="qr" role="img" aria-label="QR: ${html(`${origin}${path}`)}">` +
    `${qrCode(`${origin}${path}`)}</div>`
  )
}
