/** Elements that do not part words. */
const INLINE = new Set(['a', 'abbr', 'b', 'bdi', 'bdo', 'big', 'code', 'em', 'font', 'i', 'ins', 'del', 'mark', 's', 'small', 'span', 'strike', 'strong', 'sub', 'sup', 'tt', 'u', 'wbr']) // prettier-ignore

/** Elements whose content is no text for a reader. */
const HIDDEN = new Set(['head', 'style', 'script', 'title', 'template', 'noscript'])

const ENTITIES: Record<string, string> = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', shy: '', zwnj: '', zwj: '', ensp: ' ', emsp: ' ', thinsp: ' ',
  laquo: '«', raquo: '»', bdquo: '„', ldquo: '“', rdquo: '”', lsquo: '‘', rsquo: '’', ndash: '–', mdash: '—', hellip: '…',
  bull: '•', middot: '·', copy: '©', reg: '®', trade: '™', euro: '€', pound: '£', sect: '§', deg: '°', times: '×', numero: '№',
} // prettier-ignore

/**
 * The words of an HTML text, for previews and searches: no layout, and nothing safe to show as HTML.
 * Looks at each character a bounded number of times, whatever is left open.
 */
export function htmlToText(html: string): string {
  const pieces: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open === -1) break
    pieces.push(html.slice(at, open))
    const next = html.charCodeAt(open + 1) | 32
    const isTag = (next >= 97 && next <= 122) || next === 47 || next === 33 || next === 63
    if (isTag) at = skipTag(html, open, pieces)
    else {
      pieces.push('<')
      at = open + 1
    }
  }
  pieces.push(html.slice(at))
  return decodeEntities(pieces.join(''))
}

/** @returns the index after the tag, comment or hidden element; the end of the text when it never closes */
function skipTag(html: string, open: number, pieces: string[]): number {
  if (html.startsWith('<!--', open)) return after(html, '-->', open + 4)
  const end = after(html, '>', open + 1)
  const name = /^[a-z0-9]*/i.exec(html.slice(open + 1, open + 12))![0].toLowerCase()
  const closing = html[open + 1] === '/'
  if (closing || !INLINE.has(name)) pieces.push(closing && INLINE.has(closingName(html, open)) ? '' : ' ')
  return HIDDEN.has(name) ? afterClosing(html, name, end) : end
}

function closingName(html: string, open: number): string {
  return /^[a-z0-9]*/i.exec(html.slice(open + 2, open + 13))![0].toLowerCase()
}

function after(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from)
  return at === -1 ? html.length : at + mark.length
}

function afterClosing(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}`, 'gi')
  closing.lastIndex = from
  const found = closing.exec(html)
  return found === null ? html.length : after(html, '>', found.index)
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,8}));?/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ' '
  })
}
