/**
 * Message-IDs in a value (RFC 5322 §3.6.4), with their angle brackets and without blanks; words around them are skipped.
 */
export function parseMessageIds(text: string): string[] {
  const ids: string[] = []
  for (let close = text.indexOf('>'), from = 0; close !== -1; from = close + 1, close = text.indexOf('>', from)) {
    const open = text.slice(from, close).lastIndexOf('<')
    if (open === -1) continue
    const id = text.slice(from + open + 1, close).replace(/[ \t]+/g, '')
    if (id !== '') ids.push(`<${id}>`)
  }
  return ids
}
