/** docs/rfc.md: which line obeys which section. */
import { link, page, type Place, type Source } from './page.ts'

const CITATION =
  /RFC (\d{3,5})((?:(?:,| and| or|;)? §§? ?[A-Z0-9]+(?:\.\d+)*(?:[–-]\d+(?:\.\d+)*)?(?:, \d+(?:\.\d+)+)*)*)/g
const SECTION = /[A-Z0-9]+(?:\.\d+)*(?:[–-]\d+(?:\.\d+)*)?/g

/** By number, part by part: 4.10 after 4.9. */
function bySection(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** RFC number → section (empty: the whole) → places. */
export function citations(sources: readonly Source[]): Map<number, Map<string, Place[]>> {
  const found = new Map<number, Map<string, Place[]>>()
  for (const { path, text } of sources)
    for (const [index, line] of text.split('\n').entries())
      for (const [, rfc, list] of line.matchAll(CITATION)) {
        const ofRfc = found.getOrInsertComputed(Number(rfc), () => new Map<string, Place[]>())
        for (const section of list!.replaceAll(/and|or/g, '').match(SECTION) ?? ['']) {
          const places = ofRfc.getOrInsertComputed(section, () => [])
          if (places.at(-1)?.path !== path || places.at(-1)?.line !== index + 1) places.push({ path, line: index + 1 })
        }
      }
  return found
}

export function rfcPage(sources: readonly Source[]): string {
  const body = [...citations(sources)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([rfc, sections]) => [
      `## [RFC ${rfc}](https://www.rfc-editor.org/rfc/rfc${rfc})`,
      '',
      '| section | obeyed in |',
      '|---|---|',
      ...[...sections]
        .toSorted(([a], [b]) => bySection(a, b))
        .map(([section, places]) => `| ${section === '' ? '' : `§${section}`} | ${places.map(link).join(', ')} |`),
      '',
    ])
  return page('RFCs, and where they are obeyed', 'Each citation in the code, by RFC and section.', body)
}
