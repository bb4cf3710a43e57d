/** What a Maildir's file name says: `1732425600.M1P2.host,S=4096:2,FS`. Behind `:2,` stand flags, one letter each. */
import type { Flag } from '../../model/mailbox.ts'

const SYSTEM: readonly (readonly [string, Flag])[] = [
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['P', '$Forwarded'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
]
const FLAG_OF = new Map(SYSTEM)

export type MaildirName = {
  /** The part that stays when flags change. */
  readonly base: string
  readonly flags: readonly Flag[]
}

/** Interop: file systems that know no `:` have `;` or `!` instead. */
const INFO = /[:;!]2,([^:;!]*)$/

/** @param keywords what a, b, c … stand for: Dovecot's file `dovecot-keywords` */
export function parseMaildirName(name: string, keywords: ReadonlyMap<string, Flag>): MaildirName {
  const info = INFO.exec(name)
  const base = info === null ? name : name.slice(0, info.index)
  const flags = new Set<Flag>()
  for (const letter of info?.[1] ?? '') {
    const flag = FLAG_OF.get(letter) ?? keywords.get(letter)
    if (flag !== undefined) flags.add(flag)
  }
  return { base, flags: [...flags] }
}

/** @returns the name with its flags in the order of their letters; keywords without a letter are left out */
export function printMaildirName(base: string, flags: readonly Flag[], letters: ReadonlyMap<Flag, string>): string {
  const own = SYSTEM.filter(([, flag]) => flags.includes(flag)).map(([letter]) => letter)
  const keywords = flags.map((flag) => letters.get(flag)).filter((letter) => letter !== undefined)
  return `${base}:2,${[...own, ...keywords.toSorted()].join('')}`
}

/** `0 Work\n1 $Label1\n` → a: Work, b: $Label1. */
export function parseKeywordFile(text: string): Map<string, Flag> {
  const keywords = new Map<string, Flag>()
  for (const line of text.split('\n')) {
    const found = /^(\d{1,2}) (\S+)$/.exec(line)
    if (found !== null && Number(found[1]) < 26) keywords.set(String.fromCharCode(97 + Number(found[1])), found[2]!)
  }
  return keywords
}

/** Dovecot's `dovecot-uidlist`: base names in the order of their UIDs. */
export function parseUidList(text: string): readonly string[] {
  const rows: { uid: number; base: string }[] = []
  for (const line of text.split('\n').slice(1)) {
    const uid = /^(\d+) /.exec(line)
    const colon = line.indexOf(' :')
    if (uid !== null && colon !== -1)
      rows.push({ uid: Number(uid[1]), base: parseMaildirName(line.slice(colon + 2), new Map()).base })
  }
  return rows.toSorted((a, b) => a.uid - b.uid).map(({ base }) => base)
}
