/** docs/choices.md: where the standards leave a choice, where peers force one, where we do otherwise. */
import { commentBlocks, link, page, type Place, type Source } from './page.ts'

const TAGS = {
  Choice: 'The standard allows several ways; this is ours.',
  Interop: 'What real peers do asks for this.',
  Deviation: 'The standard says otherwise.',
} as const
type Tag = keyof typeof TAGS
type Choice = Place & { readonly tag: Tag; readonly text: string }

const START = /^(Choice|Interop|Deviation): (.*)$/

/** A choice goes on to the end of its comment, to an empty line, or to the next tag. */
export function choices(sources: readonly Source[]): Choice[] {
  const found: Choice[] = []
  for (const { path, text } of sources)
    for (const { lines, firstLine } of commentBlocks(text)) {
      let open: { tag: Tag; text: string; path: string; line: number } | null = null
      for (const [index, line] of lines.entries()) {
        const start = START.exec(line.trim())
        if (start !== null) {
          open = { tag: start[1] as Tag, text: start[2]!, path, line: firstLine + index }
          found.push(open)
        } else if (line.trim() === '' || line.trim().startsWith('@')) open = null
        else if (open !== null) open.text += ` ${line.trim()}`
      }
    }
  return found
}

export function choicesPage(sources: readonly Source[]): string {
  const all = choices(sources)
  const body = (Object.keys(TAGS) as Tag[]).flatMap((tag) => [
    `## ${tag}`,
    '',
    TAGS[tag],
    '',
    ...all.filter((choice) => choice.tag === tag).map((choice) => `- ${choice.text} (${link(choice)})`),
    '',
  ])
  return page('Choices', 'Decisions of one line, gathered from the code. The larger ones are in [adr](adr/).', body)
}
