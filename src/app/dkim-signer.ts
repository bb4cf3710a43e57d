/** Which keys sign a domain's letters now: of each kind the newest that the world can see. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { ask } from '../mailauth/ask.ts'
import type { SigningKey } from '../mailauth/dkim/sign.ts'
import { parseDkimKey } from '../mailauth/dkim/key.ts'
import { printDkimRecord } from '../mailauth/dkim/key-record.ts'
import type { Asking } from '../mailauth/contract.ts'
import type { Resolver } from '../model/dns.ts'
import { DKIM_PUBLISHED_FOR_MS, DKIM_UNPUBLISHED_FOR_MS } from '../model/limits.ts'
import type { Signer } from '../outbound/signing/signing.ts'
import type { Clock } from '../std/clock.ts'
import type { Log } from '../std/log.ts'
import { ensureDkimKeys, newestFirst, readDkimKeys } from './dkim-keys.ts'

/**
 * A new key takes over by itself once DNS shows it, and not before: a letter whose key nobody finds is worse than one that is
 * not signed. DNS that does not answer leaves things as they were.
 * @param options.resolver null: keys are made when they are needed, and used without being published (`try`)
 */
export function createSigner(options: { dataDir: string; clock: Clock; log: Log; resolver: Resolver | null }): Signer {
  const { dataDir, clock, log, resolver } = options
  const known = new Map<string, { readonly keys: readonly SigningKey[]; readonly until: number }>()
  const looking = new Map<string, Promise<readonly SigningKey[]>>()

  async function choose(domain: string): Promise<readonly SigningKey[]> {
    const before = known.get(domain)?.keys ?? []
    const files = resolver === null ? await ensureDkimKeys(dataDir, domain) : await readDkimKeys(dataDir, domain)
    const all = newestFirst(files).map(({ selector, key }): SigningKey => ({
      domain,
      selector,
      key: createPrivateKey(key),
    }))
    const chosen: SigningKey[] = []
    let missing = all.length === 0
    for (const kind of ['rsa', 'ed25519']) {
      for (const key of all.filter((each) => each.key.asymmetricKeyType === kind)) {
        const published = resolver === null ? true : await isPublished(key, resolver)
        const used = published ?? before.some(({ selector }) => selector === key.selector)
        missing ||= !used
        if (!used) continue
        chosen.push(key)
        break
      }
    }
    const told = chosen.map(({ selector }) => selector)
    if (told.join() !== before.map(({ selector }) => selector).join() || (missing && chosen.length === 0))
      log.info({ event: 'dkim.keys', domain, signsWith: told, unpublished: missing })
    known.set(domain, {
      keys: chosen,
      until: clock.monotonic() + (missing ? DKIM_UNPUBLISHED_FOR_MS : DKIM_PUBLISHED_FOR_MS),
    })
    return chosen
  }

  return {
    async keysFor(domain) {
      // Names become folders: only those that can be no path.
      if (!/^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/.test(domain) || domain.includes('..')) return []
      const found = known.get(domain)
      if (found !== undefined && found.until > clock.monotonic()) return found.keys
      const running = looking.get(domain) ?? choose(domain).finally(() => looking.delete(domain))
      looking.set(domain, running)
      return running
    },
  }
}

/** Null: DNS does not answer. */
export function isPublished(key: SigningKey, resolver: Resolver): Promise<boolean | null> {
  return ask(look(key), ({ name, type }) => resolver.query(name, type))
}

function* look({ domain, selector, key }: SigningKey): Asking<boolean | null> {
  const answer = yield { name: `${selector}._domainkey.${domain}`, type: 'TXT' }
  if (answer.at === 'failed') return null
  const records = answer.at === 'found' ? (answer.records as readonly string[]) : []
  const own = parseDkimKey(printDkimRecord(key))
  return records.some((record) => {
    const there = parseDkimKey(record)
    return 'key' in there && 'key' in own && spki(there.key).equals(spki(own.key))
  })
}

const spki = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' })
