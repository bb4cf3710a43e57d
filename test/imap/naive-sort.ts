/** SORT and THREAD as their RFC says it, word for word, over plain objects: slow, and nothing of ours in it. */

/** A letter as its maker knows it. */
export type PlainLetter = {
  readonly subject: string | null
  /** Seconds, or null: no Date. */
  readonly sent: number | null
  readonly from: string | null
  readonly to: string | null
  readonly id: string | null
  readonly references: readonly string[]
  readonly inReplyTo: readonly string[]
}
/** `place` from 1 on; `arrived` in seconds. */
export type PlainMessage = PlainLetter & { readonly place: number; readonly arrived: number; readonly size: number }

const fold = (text: string): string => text.toUpperCase().normalize('NFKD')
const sentOf = (message: PlainMessage): number => message.sent ?? message.arrived
const byOctets = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** RFC 5256 §2.1 with regular expressions. */
export function naiveBaseSubject(subject: string): { text: string; isReply: boolean } {
  let text = subject.replace(/\s+/g, ' ')
  let isReply = false
  const cut = (pattern: RegExp): boolean => {
    const found = pattern.exec(text)
    if (found === null) return false
    if (found[0].trim() !== '') isReply = true
    text = text.slice(0, found.index) + text.slice(found.index + found[0].length)
    return true
  }
  for (;;) {
    while (cut(/(?:\(fwd\)| )$/i));
    for (;;) {
      if (cut(/^(?:(?:\[[^[\]]*\] *)*(?:re|fwd?) *(?:\[[^[\]]*\] *)?:| )/i)) continue
      const blob = /^\[[^[\]]*\] */.exec(text)
      if (blob === null || blob[0].length === text.length) break
      text = text.slice(blob[0].length)
    }
    if (!/^\[fwd:.*\]$/i.test(text)) return { text: fold(text), isReply }
    isReply = true
    text = text.slice(5, -1)
  }
}

const base = (message: PlainMessage): string => naiveBaseSubject(message.subject ?? '').text

type Compare = (a: PlainMessage, b: PlainMessage) => number
const number =
  (of: (message: PlainMessage) => number): Compare =>
  (a, b) =>
    of(a) - of(b)
const text =
  (of: (message: PlainMessage) => string): Compare =>
  (a, b) =>
    byOctets(of(a), of(b))

export const NAIVE_CRITERIA: Readonly<Record<string, Compare>> = {
  ARRIVAL: number(({ arrived }) => arrived),
  DATE: number(sentOf),
  SIZE: number(({ size }) => size),
  SUBJECT: text(base),
  FROM: text(({ from }) => fold(from?.split('@')[0] ?? '')),
  TO: text(({ to }) => fold(to?.split('@')[0] ?? '')),
  CC: () => 0,
  DISPLAYFROM: text(({ from }) => fold(from ?? '')),
  DISPLAYTO: text(({ to }) => fold(to ?? '')),
}

export function naiveSort(
  messages: readonly PlainMessage[],
  criteria: readonly { readonly key: string; readonly reverse: boolean }[],
): number[] {
  return messages
    .toSorted((a, b) => {
      for (const { key, reverse } of criteria) {
        const difference = NAIVE_CRITERIA[key]!(a, b)
        if (difference !== 0) return reverse ? -difference : difference
      }
      return a.place - b.place
    })
    .map(({ place }) => place)
}

type Node = { message: PlainMessage | null; parent: Node | null; children: Node[] }

const earlier = (a: PlainMessage, b: PlainMessage): number => sentOf(a) - sentOf(b) || a.place - b.place
const newNode = (message: PlainMessage | null): Node => ({ message, parent: null, children: [] })

function adopt(parent: Node, child: Node): void {
  if (child.parent !== null) child.parent.children.splice(child.parent.children.indexOf(child), 1)
  child.parent = parent
  parent.children.push(child)
}

function descends(node: Node, from: Node): boolean {
  for (let at: Node | null = node; at !== null; at = at.parent) if (at === from) return true
  return false
}

/** By date; a dummy has that of its first child, whose siblings are in order already. */
const dated = (node: Node): PlainMessage => node.message ?? dated(node.children.toSorted(byDate)[0]!)
const byDate = (a: Node, b: Node): number => earlier(dated(a), dated(b))

/** RFC 5256 §3 REFERENCES, steps 1 and 3. @returns those at the top */
function linked(messages: readonly PlainMessage[]): Node[] {
  const byId = new Map<string, Node>()
  const all: Node[] = []
  const own = messages.map((message) => {
    const node = newNode(message)
    all.push(node)
    if (message.id !== null && !byId.has(message.id)) byId.set(message.id, node)
    return node
  })
  for (const node of own) {
    const { references, inReplyTo } = node.message!
    const ids = references.length > 0 ? references : inReplyTo.slice(0, 1)
    let before: Node | null = null
    for (const id of ids) {
      let named = byId.get(id)
      if (named === undefined) {
        named = newNode(null)
        all.push(named)
        byId.set(id, named)
      }
      if (before !== null && named.parent === null && !descends(before, named)) adopt(before, named)
      before = named
    }
    if (node.parent !== null) {
      node.parent.children.splice(node.parent.children.indexOf(node), 1)
      node.parent = null
    }
    if (before !== null && !descends(before, node)) adopt(before, node)
  }
  const pruned = (node: Node): Node[] => {
    const children = node.children.flatMap(pruned)
    if (node.message === null) return children
    node.children = children
    return [node]
  }
  return all
    .filter(({ parent }) => parent === null)
    .flatMap((root) => {
      const kept = root.children.flatMap(pruned)
      if (root.message === null && kept.length < 2) return kept
      root.children = kept
      return [root]
    })
}

/** RFC 5256 §3 REFERENCES, step 5. */
function merged(roots: readonly Node[]): Node[] {
  const first = (node: Node): PlainMessage => node.message ?? node.children.toSorted(byDate)[0]!.message!
  const subjectOf = new Map(roots.map((root) => [root, base(first(root))]))
  const isReply = ({ message }: Node): boolean => message !== null && naiveBaseSubject(message.subject ?? '').isReply
  const table = new Map<string, Node>()
  for (const root of roots) {
    const subject = subjectOf.get(root)!
    if (subject === '') continue
    const there = table.get(subject)
    if (there === undefined) table.set(subject, root)
    else if (there.message !== null && (root.message === null || (isReply(there) && !isReply(root))))
      table.set(subject, root)
  }
  let kept = [...roots]
  const remove = (node: Node): void => void (kept = kept.filter((one) => one !== node))
  for (const root of roots) {
    const subject = subjectOf.get(root)!
    const there = subject === '' ? undefined : table.get(subject)
    if (there === undefined || there === root) continue
    remove(root)
    if (root.message === null) there.children.push(...root.children)
    else if (there.message === null || (isReply(root) && !isReply(there))) there.children.push(root)
    else {
      const dummy = newNode(null)
      dummy.children = [there, root]
      remove(there)
      kept.push(dummy)
      table.set(subject, dummy)
    }
  }
  return kept
}

function print(node: Node): string {
  const children = node.children.toSorted(byDate)
  const own = node.message === null ? '' : String(node.message.place)
  if (children.length === 0) return own
  if (children.length === 1) return `${own} ${print(children[0]!)}`
  return `${own}${own === '' ? '' : ' '}${children.map((child) => `(${print(child)})`).join('')}`
}

const printAll = (roots: readonly Node[]): string => roots.map((root) => `(${print(root)})`).join('')

export function naiveThread(
  messages: readonly PlainMessage[],
  algorithm: 'ORDEREDSUBJECT' | 'REFERENCES' | 'REFS',
): string {
  if (algorithm === 'ORDEREDSUBJECT') {
    const roots: Node[] = []
    for (const message of messages.toSorted(earlier)) {
      const root = roots.find((one) => base(one.message!) === base(message))
      if (root === undefined) roots.push(newNode(message))
      else root.children.push(newNode(message))
    }
    return printAll(roots)
  }
  const roots = linked(messages)
  if (algorithm === 'REFERENCES') return printAll(merged(roots.toSorted(byDate)).toSorted(byDate))
  const newest = (node: Node): PlainMessage =>
    [...(node.message === null ? [] : [node.message]), ...node.children.map(newest)].toSorted(earlier).at(-1)!
  const place = ({ message }: Node): number => message?.place ?? 0
  return printAll(roots.toSorted((a, b) => sentOf(newest(a)) - sentOf(newest(b)) || place(a) - place(b)))
}
