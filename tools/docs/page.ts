/** What the made pages have in common. */
import { scan } from '../scan.ts'

export type Source = { readonly path: string; readonly text: string }
/** A place in the code. */
export type Place = { readonly path: string; readonly line: number }

export const page = (title: string, intro: string, body: readonly string[]): string =>
  [`# ${title}`, '', '<!-- Made from the code by `npm run docs`; never edited. -->', '', intro, '', ...body, ''].join(
    '\n',
  )

export const link = ({ path, line }: Place): string => `[${path.replace(/^src\//, '')}:${line}](../${path}#L${line})`

/** Text as it may stand in a cell of a table. */
export const cell = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replace(/\s+/g, ' ').trim()

/** Lines of one comment after another without code between them, and the line of the first. */
export type CommentBlock = { readonly lines: readonly string[]; readonly firstLine: number }

/** All comments of a source, without their marks; `//` lines that follow each other are one block. */
export function commentBlocks(text: string): CommentBlock[] {
  const blocks: { lines: string[]; firstLine: number; lastLine: number; alone: boolean }[] = []
  let line = 1
  let counted = 0
  for (const comment of scan(text).comments) {
    for (; counted < comment.start; counted++) if (text[counted] === '\n') line++
    const lines = comment.text
      .replace(/^\/\*+|\*\/$/g, '')
      .split('\n')
      .map((part) => part.replace(/^\s*(?:\/\/|\*)?\s?/, '').trimEnd())
    const alone = text.slice(text.lastIndexOf('\n', comment.start) + 1, comment.start).trim() === ''
    const last = blocks.at(-1)
    if (last !== undefined && comment.text.startsWith('//') && alone && last.lastLine === line - 1) {
      last.lines.push(...lines)
      last.lastLine = line
    } else blocks.push({ lines, firstLine: line, lastLine: line + lines.length - 1, alone })
  }
  return blocks
}
