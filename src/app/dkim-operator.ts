/** The keys that sign mail, for the administrator: which there are, which the world sees, a new pair, an old one's end. */
import { createPrivateKey } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Resolver } from '../model/dns.ts'
import { DKIM_SIGNATURE_LIFETIME_SECONDS, QUEUE_LIFETIME_MS } from '../model/limits.ts'
import type { Clock } from '../std/clock.ts'
import { ensureDkimKeys, makeDkimKeys, newestFirst, readDkimKeys } from './dkim-keys.ts'
import { isPublished } from './dkim-signer.ts'

export type DkimKeyView = {
  readonly domain: string
  readonly selector: string
  readonly kind: string
  /** Null: DNS did not answer. */
  readonly published: boolean | null
  /** `waits`: it will sign once it is published; `old`: a newer one of its kind signs. */
  readonly state: 'signs' | 'waits' | 'old'
  /** Where the record belongs, and what it says. */
  readonly name: string
  readonly record: string
}

export type DkimOperator = {
  list(domain: string | null): Promise<readonly DkimKeyView[]>
  /** A domain's first keys, where it has none. */
  ensure(domain: string): Promise<void>
  /** @returns the new ones; null: the domain is not ours */
  rotate(domain: string): Promise<readonly DkimKeyView[] | null>
  /** Removes a private key that signs no more. `keepRecordUntil`: letters that it signed may be looked at until then. */
  retire(
    domain: string,
    selector: string,
  ): Promise<
    | { readonly at: 'done'; readonly name: string; readonly keepRecordUntil: number }
    | { readonly at: 'not-found' }
    | { readonly at: 'in-use' }
  >
}

/** @param parts.resolver null: nothing is published here (`try`), and the newest keys sign */
export function createDkimOperator(parts: {
  dataDir: string
  owner?: { uid: number; gid: number }
  clock: Clock
  resolver: () => Resolver | null
  domains: () => Promise<readonly string[]>
}): DkimOperator {
  const { dataDir, clock } = parts
  /** New keys are made one after the other: both would take the same selectors. */
  let making: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(make: () => Promise<T>): Promise<T> => {
    const made = making.then(make, make)
    making = made.catch(() => {})
    return made
  }

  async function keysOf(domain: string): Promise<DkimKeyView[]> {
    const resolver = parts.resolver()
    const views: DkimKeyView[] = []
    const signing = new Set<string>()
    for (const { selector, record, key } of newestFirst(await readDkimKeys(dataDir, domain))) {
      const signingKey = { domain, selector, key: createPrivateKey(key) }
      const kind = signingKey.key.asymmetricKeyType ?? ''
      const published = resolver === null ? true : await isPublished(signingKey, resolver)
      const state = signing.has(kind) ? 'old' : published === true ? 'signs' : 'waits'
      if (state === 'signs') signing.add(kind)
      views.push({ domain, selector, kind, published, state, name: `${selector}._domainkey.${domain}`, record })
    }
    return views
  }

  return {
    async list(domain) {
      const all = await parts.domains()
      const views = await Promise.all((domain === null ? all : all.filter((each) => each === domain)).map(keysOf))
      return views.flat()
    },
    async ensure(domain) {
      await inTurn(() => ensureDkimKeys(dataDir, domain, parts.owner))
    },
    async rotate(domain) {
      if (!(await parts.domains()).includes(domain)) return null
      const made = new Set(await inTurn(() => makeDkimKeys(dataDir, domain, parts.owner)))
      return (await keysOf(domain)).filter(({ selector }) => made.has(selector))
    },
    async retire(domain, selector) {
      if (!(await parts.domains()).includes(domain)) return { at: 'not-found' }
      const key = (await keysOf(domain)).find((each) => each.selector === selector)
      if (key === undefined) return { at: 'not-found' }
      if (key.state === 'signs') return { at: 'in-use' }
      await rm(join(dataDir, 'dkim', domain, `${selector}.pem`))
      const keepRecordUntil = clock.now() + QUEUE_LIFETIME_MS + DKIM_SIGNATURE_LIFETIME_SECONDS * 1000
      return { at: 'done', name: key.name, keepRecordUntil }
    },
  }
}
