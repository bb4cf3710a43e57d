const ASCII = /^[\0-\x7f]*$/

/**
 * Text as searches compare it, in the spirit of i;unicode-casemap (RFC 5051): case, compatibility forms and amounts of
 * white space do not count.
 * Choice: composed, not decomposed: in Russian `й` is a letter of its own, and `и` must not find it.
 * Upper case is the end of it because lower case depends on the place in the word (final sigma).
 */
export function foldForSearch(text: string): string {
  const folded = ASCII.test(text)
    ? text.toUpperCase()
    : text.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFC')
  return folded.replace(/\s+/g, ' ')
}
