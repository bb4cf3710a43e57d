/** docs/events.md: the names of the log's events. */
import { lineOf, scan } from '../scan.ts'
import { cell, link, page, type Place, type Source } from './page.ts'

type Event = Place & { readonly name: string; readonly level: string; readonly facts: readonly string[] }

const NAMED = /\bevent: '([a-z0-9.-]+)'/g
const LEVEL = /\.(debug|info|warn|error)\(\s*\{\s*$/

/** The names of the facts that stand beside the event in its object. */
function factsAfter(code: string, at: number): string[] {
  let depth = 0
  let end = at
  for (; end < code.length && depth >= 0; end++) {
    if ('{[('.includes(code[end]!)) depth++
    else if ('}])'.includes(code[end]!)) depth--
  }
  const facts: string[] = []
  let level = 0
  for (const part of code
    .slice(at, end - 1)
    .matchAll(/[{[(]|[}\])]|,\s*(?:\.\.\.\s*)?([A-Za-z_$][\w$]*)(?=\s*[,:}]|\s*$)/g)) {
    if ('{[('.includes(part[0])) level++
    else if ('}])'.includes(part[0])) level--
    else if (level === 0) facts.push(part[1]!)
  }
  return facts
}

export function events(sources: readonly Source[]): Event[] {
  return sources.flatMap(({ path, text }) => {
    const { code } = scan(text)
    return [...text.matchAll(NAMED)]
      .filter((found) => code.startsWith('event:', found.index))
      .map((found) => ({
        name: found[1]!,
        level: LEVEL.exec(code.slice(Math.max(0, found.index - 60), found.index))?.[1] ?? '',
        facts: factsAfter(code, found.index),
        path,
        line: lineOf(text, found.index),
      }))
  })
}

export function eventsPage(sources: readonly Source[]): string {
  const byName = Map.groupBy(events(sources), (event) => event.name)
  const rows = [...byName]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([name, uses]) => {
      const levels = [...new Set(uses.map((use) => use.level))].filter((level) => level !== '').toSorted()
      const facts = [...new Set(uses.flatMap((use) => use.facts))].map((fact) => `\`${fact}\``)
      return `| \`${name}\` | ${levels.join(', ')} | ${cell(facts.join(', '))} | ${uses.map(link).join(', ')} |`
    })
  return page(
    'Log events',
    'One JSON object a line: `event` is one of these names and stays what it is; the rest are its facts.',
    ['| event | level | facts | logged in |', '|---|---|---|---|', ...rows],
  )
}
