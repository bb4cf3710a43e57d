/** What one may do in a mailbox (RFC 4314 §2.1). */
export type Right = 'l' | 'r' | 's' | 'w' | 'i' | 'p' | 'k' | 'x' | 't' | 'e' | 'a'

/** In the order in which they are written. */
export const RIGHTS: readonly Right[] = ['l', 'r', 's', 'w', 'i', 'p', 'k', 'x', 't', 'e', 'a']

export type Rights = ReadonlySet<Right>

/** The owner's, always. */
export const ALL_RIGHTS: Rights = new Set(RIGHTS)
export const NO_RIGHTS: Rights = new Set()

export const isRight = (letter: string): letter is Right => (RIGHTS as readonly string[]).includes(letter)

/** Letters at rest, as `printRights` wrote them. */
export const rightsOf = (text: string): Rights => new Set([...text].filter(isRight))

export const printRights = (rights: Rights): string => RIGHTS.filter((right) => rights.has(right)).join('')

/** Which flags may be changed or set (RFC 4314 §4: "s", "t", "w"). */
export type FlagClasses = { readonly seen: boolean; readonly deleted: boolean; readonly others: boolean }

export const flagClassesOf = (rights: Rights): FlagClasses => ({
  seen: rights.has('s'),
  deleted: rights.has('t'),
  others: rights.has('w'),
})

export const isFlagIn = (flag: string, { seen, deleted, others }: FlagClasses): boolean =>
  flag === '\\Seen' ? seen : flag === '\\Deleted' ? deleted : others
