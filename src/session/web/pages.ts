/** The pages that people see on 443 until webmail is there. No scripts. */
import { createHash } from 'node:crypto'
import { escapeXml as html } from '../../format/client-setup/xml.ts'
import type { ClientServer } from '../../model/client-server.ts'
import type { Site, WebAnswer, WebRequest } from '../../model/web.ts'
import { isRead, notAllowed, preferredLanguage } from './answers.ts'
import { ourAddress } from './client-setup.ts'
import type { SiteFacts } from './contract.ts'
import { WORDS, type Words } from './words.ts'

export const SETUP_PATH = '/mail-setup'
export const PROFILE_PATH = '/mail-setup/mail.mobileconfig'

const STYLE = `
:root{color-scheme:light dark;--bg:#f7f8f6;--surface:#fff;--text:#1b2421;--muted:#56635e;--line:#d8deda;--control:#7d8a85;--accent:#0b6b63;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#111615;--surface:#171e1c;--text:#e6ece9;--muted:#9fb0aa;--line:#2a3431;--control:#6e7f79;--accent:#5cc7b9;--on:#06201c}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:clamp(1rem,8vh,5rem) 1rem;color:var(--text);background:var(--bg)}
main{max-width:40rem;margin:auto}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}
p{max-width:72ch}.muted{color:var(--muted)}
a{color:var(--accent)}a:focus-visible,input:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
form{display:flex;gap:.75rem;flex-wrap:wrap;align-items:end;margin:1.5rem 0}
label{flex:1 1 16rem;display:block}
input{display:block;width:100%;margin-top:.25rem;min-height:44px;padding:0 .75rem;font:inherit;color:inherit;background:var(--surface);border:1px solid var(--control);border-radius:6px}
button,.button{display:inline-block;min-height:44px;padding:.6rem 1rem;font:inherit;font-weight:600;line-height:1.4;color:var(--on);background:var(--accent);border:0;border-radius:6px;text-decoration:none;cursor:pointer}
table{border-collapse:collapse;width:100%;background:var(--surface);border:1px solid var(--line);border-radius:10px}
th,td{text-align:left;padding:.6rem .75rem;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
tr:last-child>*{border-bottom:0}thead th{color:var(--muted);font-weight:500}
code{font-family:ui-monospace,monospace;font-size:.95em}
.qr{background:#fff;padding:12px;border-radius:10px;border:1px solid var(--line);width:196px}.qr svg{display:block;width:170px;height:170px}
@media(max-width:640px){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:block;padding:.5rem .75rem;border-bottom:1px solid var(--line)}tr:last-child{border-bottom:0}
tbody th,tbody td{display:flex;justify-content:space-between;gap:1rem;padding:.15rem 0;border:0}
td::before{content:attr(data-label);color:var(--muted)}
}
@media print{body{padding:0}form{display:none}}
`

const CSP =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

function page(language: 'en' | 'ru', title: string, body: string): WebAnswer {
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept-language',
      'content-security-policy': CSP,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    },
    body:
      `<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
      `<meta name="viewport" content="width=device-width"><title>${html(title)}</title><style>${STYLE}</style></head>` +
      `<body><main><h1>${html(title)}</h1>${body}</main></body></html>\n`,
  }
}

const languageOf = (request: WebRequest): 'en' | 'ru' => preferredLanguage(request.header('accept-language') ?? '')

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
