const ASCII = /^[\0-\x7f]*$/

/** Lower case of Unicode, letter for letter: one whose other case has another length stays as it is. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  let result = ''
  for (const letter of text) {
    // By way of upper case, so that `ς` and `σ` are one.
    const upper = letter.toUpperCase()
    const lower = (upper.length === letter.length ? upper : letter).toLowerCase()
    result += lower.length === letter.length ? lower : letter
  }
  return result
}
