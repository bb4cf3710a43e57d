/**
 * The exposure map as SVG: outside on the left, inside on the right, the server between them; a lane for each port, a
 * gate where it crosses a wall. Static; the admin's page colours the same groups by what happens.
 */
import type { ExposurePlan, Opening, PlanRow } from './contract.ts'
import type { Language, PlanWords } from './words/contract.ts'
import { PLAN_WORDS } from './words/words.ts'

const WIDTH = 1120
const TOP = 104
const LANE = 80
const CARD_HEIGHT = 64
/** Where the lane's line runs, below its top. */
const MIDDLE = CARD_HEIGHT / 2
const ZONE = { left: 20, right: 854, width: 246 } as const
const WALL = { outside: 356, inside: 770 } as const
const CARD = { x: 448, width: 230, lineMax: 28 } as const
const FOOT = 64

type Gate = 'open' | 'shut' | 'off'
type Lane = {
  readonly id: string
  readonly pill: string
  readonly title: string
  readonly text: string
  readonly outside: { readonly gate: Gate; readonly who: string; readonly leaving: boolean }
  readonly inside: { readonly gate: Gate; readonly who: string } | null
}

export function exposureMap(plan: ExposurePlan, language: Language): string {
  const words = PLAN_WORDS[language]
  const lanes = lanesOf(plan, words)
  const bottom = TOP + lanes.length * LANE
  const height = bottom + FOOT
  const router = plan.layout === 'nat'
  const outsideWall = router ? words.labels.router : words.labels.host
  const addresses = [...plan.publicAddresses.v4, ...plan.publicAddresses.v6]
  const inside = [...plan.inside.v4, ...plan.inside.v6]
  const inner = plan.serverAddresses.v4.find((address) => !addresses.includes(address))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="group" aria-labelledby="gavan-map-title" aria-describedby="gavan-map-text" lang="${language}">
<title id="gavan-map-title">${xml(words.labels.mapTitle)}</title>
<desc id="gavan-map-text">${xml(lanes.map((lane) => sentence(lane, words)).join(' '))}</desc>
<style>${STYLE}</style>
<rect class="bg" width="${WIDTH}" height="${height}"/>
<rect class="zone" x="${ZONE.left}" y="60" width="${ZONE.width}" height="${bottom - 60 + 8}" rx="14"/>
<rect class="zone" x="${ZONE.right}" y="60" width="${ZONE.width}" height="${bottom - 60 + 8}" rx="14"/>
${say(36, 86, 'h', words.labels.outside)}
${say(870, 86, 'h', cut(`${words.labels.inside}${inside.length > 0 ? ` · ${inside[0]}${inside.length > 1 ? ' …' : ''}` : ''}`, 28))}
${say(CARD.x + CARD.width / 2, 86, 'h', plan.hostname ?? words.labels.server, 'middle')}
<line class="wall" x1="${WALL.outside}" y1="72" x2="${WALL.outside}" y2="${bottom}"/>
<line class="wall" x1="${WALL.inside}" y1="72" x2="${WALL.inside}" y2="${bottom}"/>
${say(WALL.outside, 50, 'm', cut(addresses[0] === undefined ? outsideWall : `${outsideWall} · ${addresses[0]}`, 40), 'middle')}
${say(WALL.inside, 50, 'm', cut([words.labels.host, inner].filter((each) => each !== undefined).join(' · '), 40), 'middle')}
${lanes.map((lane, index) => printLane(lane, TOP + index * LANE, words)).join('\n')}
${legend(bottom + 34, words)}
</svg>
`
}

function lanesOf(plan: ExposurePlan, words: PlanWords): Lane[] {
  const lanes = plan.rows.map((row) => laneOf(row, words))
  const { outgoing } = plan
  const to = outgoing.to === 'anywhere' ? words.peers.mx : outgoing.to.host
  const out: Lane = {
    id: 'outgoing',
    pill: `←${outgoing.port}`,
    title: words.roles.mta,
    text: words.outgoing.what,
    outside: { gate: 'open', who: to, leaving: true },
    inside: null,
  }
  return [...lanes.slice(0, 1), out, ...lanes.slice(1)]
}

function laneOf(row: PlanRow, words: PlanWords): Lane {
  const who = words.peers[row.service]
  return {
    id: String(row.standardPort),
    pill: String(row.port),
    title: `${words.roles[row.role]}${row.protocol === 'http' ? '' : ` · ${row.protocol === 'managesieve' ? 'Sieve' : row.protocol.toUpperCase()}`}`,
    text: words.what[row.service],
    outside: { gate: gateFor(row.opening, 'outside'), who, leaving: false },
    // Other servers are outside by their nature.
    inside: row.role === 'mta' ? null : { gate: gateFor(row.opening, 'inside'), who },
  }
}

function gateFor(opening: Opening, side: 'outside' | 'inside'): Gate {
  if (opening === 'off') return 'off'
  if (opening === 'outside' || (opening === 'inside' && side === 'inside')) return 'open'
  return 'shut'
}

/** What the lane says, for who cannot see it. */
function sentence({ pill, text, outside, inside }: Lane, words: PlanWords): string {
  const { labels } = words
  const state = (gate: Gate): string =>
    ({ open: labels.open_, shut: labels.shutOnPurpose, off: labels.serviceOff })[gate]
  const inner = inside === null ? '' : `; ${labels.inside.toLowerCase()}: ${state(inside.gate)}`
  return `${pill}, ${text}. ${labels.outside.toLowerCase()}: ${state(outside.gate)}${inner}.`
}

function printLane(lane: Lane, top: number, words: PlanWords): string {
  const middle = top + MIDDLE
  const text = inLines(lane.text, CARD.lineMax)
  const { outside, inside } = lane
  const parts = [
    `<rect class="card" x="${CARD.x}" y="${top}" width="${CARD.width}" height="${CARD_HEIGHT}" rx="10"/>`,
    say(CARD.x + 14, top + 22, 't', lane.title),
    ...text.map((line, index) => say(CARD.x + 14, top + 40 + index * 15, 'm', line)),
  ]
  if (outside.gate !== 'off') {
    parts.push(...caption(36, middle, outside.who), path(outside.gate, 268, WALL.outside - 42, middle))
    if (outside.gate === 'shut') parts.push(cross(291, middle))
    else {
      parts.push(path('open', WALL.outside + 42, outside.leaving ? CARD.x - 4 : CARD.x - 10, middle))
      parts.push(outside.leaving ? arrow(268, middle, 'left') : arrow(CARD.x - 3, middle, 'right'))
    }
  }
  if (inside !== null && inside.gate !== 'off') {
    parts.push(...caption(870, middle, inside.who), path(inside.gate, 850, WALL.inside + 42, middle))
    if (inside.gate === 'shut') parts.push(cross(831, middle))
    else
      parts.push(
        path('open', WALL.inside - 42, CARD.x + CARD.width + 10, middle),
        arrow(CARD.x + CARD.width + 3, middle, 'left'),
      )
  }
  parts.push(pill(outside.gate, WALL.outside, middle, lane.pill))
  if (inside !== null) parts.push(pill(inside.gate, WALL.inside, middle, lane.pill))
  return `<g data-port="${lane.id}" tabindex="0" role="group" aria-label="${xml(sentence(lane, words))}">${parts.join('')}</g>`
}

/** In one line or two. */
function caption(x: number, middle: number, text: string): string[] {
  const [first = '', second] = inLines(text, CAPTION_LINE_MAX)
  if (second === undefined) return [say(x, middle + 5, 't', first)]
  return [say(x, middle - 4, 't', first), say(x, middle + 15, 't', second)]
}

const CAPTION_LINE_MAX = 26

/** One line or two of so many characters; what is left over is cut. */
function inLines(text: string, max: number): string[] {
  const words = text.split(' ')
  let first = words.shift() ?? ''
  while (words[0] !== undefined && first.length + 1 + words[0].length <= max) first += ` ${words.shift()}`
  return words.length === 0 ? [cut(first, max)] : [cut(first, max), cut(words.join(' '), max)]
}

function legend(y: number, { labels }: PlanWords): string {
  const items: [Gate, string][] = [
    ['open', labels.open_],
    ['shut', labels.shutOnPurpose],
    ['off', labels.serviceOff],
  ]
  let x = 36
  const parts: string[] = []
  for (const [gate, text] of items) {
    parts.push(`<g class="${gate}"><rect class="pill" x="${x}" y="${y - 14}" width="40" height="20" rx="10"/></g>`)
    parts.push(say(x + 48, y + 1, 'm', text))
    x += 48 + text.length * 7.2 + 28
  }
  return parts.join('')
}

const pill = (gate: Gate, x: number, y: number, text: string): string =>
  `<g class="${gate}"><rect class="pill" x="${x - 38}" y="${y - 16}" width="76" height="32" rx="16"/><text class="p" x="${x}" y="${y + 5}" text-anchor="middle">${text}</text></g>`
const path = (gate: Gate, from: number, to: number, y: number): string =>
  `<g class="${gate}"><line x1="${from}" y1="${y}" x2="${to}" y2="${y}"/></g>`
const cross = (x: number, y: number): string => `<path class="x" d="M${x - 6},${y - 6} l12,12 m0,-12 l-12,12"/>`
const arrow = (x: number, y: number, to: 'left' | 'right'): string =>
  `<path class="arrow" d="M${x},${y} l${to === 'left' ? 8 : -8},-5 v10 z"/>`
const say = (x: number, y: number, style: string, text: string, anchor = 'start'): string =>
  `<text x="${x}" y="${y}" class="${style}" text-anchor="${anchor}">${xml(text)}</text>`
const cut = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1).trimEnd()}…`)

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Contrasts of UX.md §4; no fonts are fetched. */
const STYLE = `
svg{--bg:#f7f8f6;--surface:#fff;--sunken:#eef1ef;--text:#1b2421;--muted:#56635e;--line:#d8deda;--control:#7d8a85;--wall:#c3ccc7;--accent:#0b6b63;--on:#fff}
@media(prefers-color-scheme:dark){svg{--bg:#111615;--surface:#171e1c;--sunken:#0c100f;--text:#e6ece9;--muted:#9fb0aa;--line:#2a3431;--control:#6e7f79;--wall:#3a4743;--accent:#5cc7b9;--on:#06201c}}
text{font-family:Inter,'Noto Sans','DejaVu Sans',system-ui,sans-serif}
.bg{fill:var(--bg)}.card{fill:var(--surface);stroke:var(--line)}.zone{fill:var(--sunken)}
.t{font-weight:500;font-size:14px;fill:var(--text)}.m{font-size:12px;fill:var(--muted)}.h{font-weight:600;font-size:13px;fill:var(--muted);letter-spacing:.02em}
.p{font-weight:600;font-size:15px;font-family:'JetBrains Mono','Noto Sans Mono','DejaVu Sans Mono',monospace}
.open .pill{fill:var(--accent)}.open .p{fill:var(--on)}.open line{stroke:var(--accent);stroke-width:2}.arrow{fill:var(--accent)}
.shut .pill{fill:var(--surface);stroke:var(--control);stroke-width:1.5}.shut .p{fill:var(--muted)}.shut line{stroke:var(--control);stroke-width:1.5;stroke-dasharray:4 5}
.off .pill{fill:var(--bg);stroke:var(--control);stroke-dasharray:3 4}.off .p{fill:var(--muted)}
.wall{stroke:var(--wall);stroke-width:10;stroke-linecap:round}.x{stroke:var(--control);stroke-width:2}
g[tabindex]:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`
