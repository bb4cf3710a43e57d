import type { MessageSummary, Part } from '../../model/message.ts'

/** The summary of a message before which so many octets of header fields were put. */
export function moved(summary: MessageSummary, octets: number): MessageSummary {
  if (octets === 0) return summary
  const root = { ...movedPart(summary.root, octets), headerStart: summary.root.headerStart }
  return { ...summary, sizeOctets: summary.sizeOctets + octets, root }
}

const movedPart = (part: Part, octets: number): Part => ({
  ...part,
  headerStart: part.headerStart + octets,
  bodyStart: part.bodyStart + octets,
  bodyEnd: part.bodyEnd + octets,
  parts: part.parts.map((each) => movedPart(each, octets)),
  message: part.message === null ? null : { ...part.message, root: movedPart(part.message.root, octets) },
})
