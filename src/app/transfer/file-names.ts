/** Mailbox names as names of files and directories, on any file system, and back. A name is never a way out (S22). */
const UNSAFE = /[\0-\x1f\x7f/\\:*?"<>|%]|^\.|[. ]$/g

export const fileNameOfPart = (part: string): string =>
  part.replace(UNSAFE, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

export const partOfFileName = (name: string): string =>
  name.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** Relative path of a mailbox, by its parts. */
export const pathOfMailbox = (mailbox: string): string[] => mailbox.split('/').map(fileNameOfPart)
