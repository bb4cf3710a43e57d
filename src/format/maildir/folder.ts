/** Maildir++ keeps a tree in one directory: `Sent/2024` is `.Sent.2024`, each part in modified UTF-7 (RFC 3501 §5.1.3). */
export type NameCodec = {
  readonly encode: (text: string) => string
  /** Null when it is not in its one right form. */
  readonly decode: (text: string) => string | null
}

/** A dot within a part would end it. */
const DOT = '&AC4-'

/** @param name of a mailbox, `/` between its parts */
export const folderOf = (name: string, { encode }: NameCodec): string =>
  name
    .split('/')
    .map((part) => `.${part.split('.').map(encode).join(DOT)}`)
    .join('')

/** @param folder a directory's name, e.g. `.Sent.2024`. Parts that are not UTF-7 are taken as they stand. */
export const mailboxOf = (folder: string, { decode }: NameCodec): string =>
  folder
    .slice(1)
    .split('.')
    .map((part) =>
      part
        .split(DOT)
        .map((piece) => decode(piece) ?? piece)
        .join('.'),
    )
    .join('/')
