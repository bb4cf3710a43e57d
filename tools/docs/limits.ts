/** docs/limits.md: every limit with its value, its source and who obeys it. */
import { scan } from '../scan.ts'
import { cell, page, type Source } from './page.ts'

const PATH = 'src/model/limits.ts'
const SECTION = /^\/\/ ([^-].*?) -{3,}$/
const LIMIT = /^export const ([A-Z0-9_]+)\b/

const UNITS: readonly (readonly [suffix: RegExp, show: (value: number) => string])[] = [
  [/_MS$/, showDuration],
  [/_OCTETS$|OCTETS_PER_SECOND$/, showOctets],
]

function showDuration(ms: number): string {
  for (const [size, unit] of [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`
  return `${ms} ms`
}

function showOctets(octets: number): string {
  if (octets >= 2 ** 20 && octets % 2 ** 20 === 0) return `${octets / 2 ** 20} MiB`
  if (octets >= 1024 && octets % 1024 === 0) return `${octets / 1024} KiB`
  return `${octets} octets`
}

function showValue(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => showValue(name, one)).join(', ')
  if (typeof value !== 'number') return JSON.stringify(value)
  const unit = UNITS.find(([suffix]) => suffix.test(name))
  return unit === undefined ? value.toLocaleString('en').replaceAll(',', ' ') : unit[1](value)
}

export async function limitsPage(sources: readonly Source[]): Promise<string> {
  const source = sources.find(({ path }) => path === PATH)
  if (source === undefined) return page('Limits', 'None yet.', [])
  const values = (await import(`../../${PATH}`)) as Record<string, unknown>
  const users = Map.groupBy(
    sources
      .filter(({ path }) => path !== PATH)
      .flatMap(({ path, text }) =>
        [...new Set(scan(text).code.match(/\b[A-Z][A-Z0-9_]+\b/g))].map((name) => ({ name, path })),
      ),
    ({ name }) => name,
  )
  const body: string[] = []
  let comment: string[] = []
  for (const line of source.text.split('\n')) {
    const section = SECTION.exec(line)?.[1]
    const name = LIMIT.exec(line)?.[1]
    if (section !== undefined) {
      body.push('', `## ${section}`, '', '| limit | value | why | obeyed in |', '|---|---|---|---|')
      comment = []
    } else if (name !== undefined) {
      const where = (users.get(name) ?? []).map(({ path }) => `[${path.replace(/^src\//, '')}](../${path})`)
      body.push(`| \`${name}\` | ${showValue(name, values[name])} | ${cell(comment.join(' '))} | ${where.join(', ')} |`)
      comment = []
    } else if (/^(?:\/\*\*| \*)/.test(line)) comment.push(line.replace(/^\/\*\*|^ \*\/?|\*\/$/g, '').trim())
    else comment = []
  }
  return page('Limits', `All limits of the program, from [${PATH}](../${PATH}).`, body.slice(1))
}
