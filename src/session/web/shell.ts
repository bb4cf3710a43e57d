/** What all pages share: how they look, and what they forbid. No scripts. */
import { createHash } from 'node:crypto'
import { escapeXml as html } from '../../format/client-setup/xml.ts'
import type { WebAnswer, WebRequest } from '../../model/web.ts'
import { preferredLanguage } from './answers.ts'

const STYLE = `
:root{color-scheme:light dark;--bg:#f7f8f6;--surface:#fff;--text:#1b2421;--muted:#56635e;--line:#d8deda;--control:#7d8a85;--accent:#0b6b63;--on:#fff;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--bg:#111615;--surface:#171e1c;--text:#e6ece9;--muted:#9fb0aa;--line:#2a3431;--control:#6e7f79;--accent:#5cc7b9;--on:#06201c;--bad:#ff8a80}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:clamp(1rem,8vh,5rem) 1rem;color:var(--text);background:var(--bg)}
main{max-width:40rem;margin:auto}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .5rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}
p{max-width:72ch}.muted{color:var(--muted)}
a{color:var(--accent)}a:focus-visible,input:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
form{display:flex;gap:.75rem;flex-wrap:wrap;align-items:end;margin:1.5rem 0}
label{flex:1 1 16rem;display:block}
input:not([type=radio]){display:block;width:100%;margin-top:.25rem;min-height:44px;padding:0 .75rem;font:inherit;color:inherit;background:var(--surface);border:1px solid var(--control);border-radius:6px}
button,.button{display:inline-block;min-height:44px;padding:.6rem 1rem;font:inherit;font-weight:600;line-height:1.4;color:var(--on);background:var(--accent);border:0;border-radius:6px;text-decoration:none;cursor:pointer}
table{border-collapse:collapse;width:100%;background:var(--surface);border:1px solid var(--line);border-radius:10px}
th,td{text-align:left;padding:.6rem .75rem;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
tr:last-child>*{border-bottom:0}thead th{color:var(--muted);font-weight:500}
code{font-family:ui-monospace,monospace;font-size:.95em}
fieldset{border:0;margin:0;padding:0;flex:1 1 100%}legend{padding:0;font-weight:600}
.choice{display:flex;gap:.6rem;align-items:baseline;padding:.35rem 0}.choice input{flex:none;accent-color:var(--accent)}
.stack{flex-direction:column;align-items:stretch;gap:1.25rem}.stack label{flex:none}.stack p{margin:0}.stack button,.stack .button{align-self:start}
.hint{display:block;color:var(--muted);font-size:.9em;font-weight:400}
.problem{color:var(--bad);margin:.25rem 0 0}input[aria-invalid=true]:not([type=radio]){border-color:var(--bad)}input[readonly]:not([type=radio]){background:none;border-color:var(--line)}
.button.second,button.second{color:var(--accent);background:none;border:1px solid var(--control)}
.row{display:flex;gap:.75rem;flex-wrap:wrap;align-items:center}
pre{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:.75rem 1rem;overflow-x:auto;font:.9em/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.copy{user-select:all;-webkit-user-select:all;overflow-wrap:anywhere}
.records{list-style:none;margin:0;padding:0;background:var(--surface);border:1px solid var(--line);border-radius:10px}
.records li{padding:.75rem 1rem;border-bottom:1px solid var(--line)}.records li:last-child{border-bottom:0}.records p{margin:0 0 .25rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:0}dt{color:var(--muted)}dd{margin:0;min-width:0}
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

export function page(
  language: 'en' | 'ru',
  title: string,
  body: string,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): WebAnswer {
  return {
    status: more.status ?? 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept-language',
      'content-security-policy': CSP,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'x-robots-tag': 'noindex',
      ...more.headers,
    },
    body:
      `<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
      `<meta name="viewport" content="width=device-width"><title>${html(title)}</title><style>${STYLE}</style></head>` +
      `<body><main><h1>${html(title)}</h1>${body}</main></body></html>\n`,
  }
}

export const languageOf = (request: WebRequest): 'en' | 'ru' =>
  preferredLanguage(request.header('accept-language') ?? '')
