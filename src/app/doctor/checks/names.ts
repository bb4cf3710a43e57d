/** DNS as others see it, held against what is wanted; asked of the servers that own each zone, so no cache is in the way. */
import { printData } from '../../../exposure/dns/print.ts'
import { adviseMx, mergeSpf } from '../../../exposure/dns/merge.ts'
import { addressOf, wantedRecords } from '../../../exposure/dns/records.ts'
import type { DnsSettings, KeyDigest, WantedRecord } from '../../../exposure/dns/contract.ts'
import type { DnsAnswer, DnsRecords, Resolver } from '../../../model/dns.ts'
import { text, type Check, type DoctorInput, type Finding, type State, type Text } from '../contract.ts'

const GROUP = 'names'

export function nameChecks(input: DoctorInput): Check[] {
  const { dns } = input
  if (dns === null) return []
  const sources = createSources(input)
  return groupsOf(dns).map(([name, records]) => ({
    name,
    group: GROUP,
    run: async () => [await checkGroup(records, dns, sources)],
  }))
}

/** Records of one name and type are looked at together: a host's addresses, the SRV records of a domain. */
function groupsOf(dns: DnsSettings): [string, WantedRecord[]][] {
  const groups = new Map<string, WantedRecord[]>()
  for (const record of wantedRecords(dns)) {
    if (record.place === 'inside') continue // For a name server of their own, which is not asked from here.
    const name =
      record.id === 'srv'
        ? `dns:srv:${record.zone}`
        : `dns:${record.id}:${record.data.type.toLowerCase()}:${record.name}`
    groups.set(name, [...(groups.get(name) ?? []), record])
  }
  return [...groups]
}

type Sources = (name: string) => Promise<{ readonly resolver: Resolver; readonly owner: boolean }>

function createSources({ probes }: DoctorInput): Sources {
  const byName = new Map<string, ReturnType<Sources>>()
  return (name) => {
    let found = byName.get(name)
    if (found === undefined) {
      found = probes
        .authority(name)
        .then((authority) =>
          authority === null
            ? { resolver: probes.resolver, owner: false }
            : { resolver: authority.resolver, owner: true },
        )
      byName.set(name, found)
    }
    return found
  }
}

async function checkGroup(records: readonly WantedRecord[], dns: DnsSettings, sources: Sources): Promise<Finding> {
  const [first] = records
  if (first === undefined) throw new Error('a group without records')
  const { resolver, owner } = await sources(first.name)
  const base = {
    id: first.id === 'srv' ? `dns:srv:${first.zone}` : `dns:${first.id}:${first.data.type.toLowerCase()}:${first.name}`,
    group: GROUP,
    label: labelOf(first),
    flaky: true,
  } as const
  const seen = await look(records, dns, resolver)
  if (seen.at === 'failed')
    return {
      ...base,
      state: 'not-checked',
      says: text(`no answer from its name servers (${seen.why})`, `серверы имён не ответили (${seen.why})`),
    }
  const { verdict, have } = seen
  const want = records.map(({ data }) => printData(data, 'whole')).join(' · ')
  const state = stateOf(verdict.at, first)
  const cached = owner
    ? null
    : text(' (by a resolver, whose cache may be old)', ' (по кэширующему серверу, ответ мог устареть)')
  return {
    ...base,
    state,
    says: text(`${verdict.says.en}${cached?.en ?? ''}`, `${verdict.says.ru}${cached?.ru ?? ''}`),
    ...(have === null ? {} : { have }),
    ...(state === 'ok' ? {} : { want: verdict.want ?? want, fix: verdict.fix ?? fixOf(first) }),
  }
}

type Verdict = {
  /** `harmful`: mail is refused now. `late`: it will be. */
  readonly at: 'right' | 'missing' | 'different' | 'late' | 'harmful'
  readonly says: Text
  /** Another than the plain one: merged with what is there. */
  readonly want?: string
  readonly fix?: readonly Text[]
}

function stateOf(at: Verdict['at'], { need }: WantedRecord): State {
  if (at === 'right') return 'ok'
  if (at === 'harmful') return 'problem'
  if (at === 'late') return 'warning'
  if (need === 'required') return 'problem'
  return need === 'recommended' ? 'warning' : 'info'
}

function labelOf({ id, name, zone, data }: WantedRecord): Text {
  const words: Partial<Record<WantedRecord['id'], string>> = {
    address: `${data.type} ${name}`,
    mx: `MX ${zone}`,
    spf: `SPF ${zone}`,
    'spf-helo': `SPF ${name}`,
    dkim: `DKIM ${name.split('.', 1)[0]} ${zone}`,
    dmarc: `DMARC ${zone}`,
    'mta-sts': `MTA-STS ${zone}`,
    'tls-rpt': `TLS-RPT ${zone}`,
    srv: `SRV ${zone}`,
    ptr: `PTR ${addressOf(name)}`,
  }
  const label = words[id] ?? `${data.type} ${name}`
  return text(label, label)
}

function fixOf({ id, name, data, need }: WantedRecord): Text[] {
  if (id === 'ptr')
    return [
      text(
        'whoever gave the address sets it; a letter is ready: gavan dns ptr-letter',
        'её ставит тот, кто дал адрес; письмо готово: gavan dns ptr-letter',
      ),
    ]
  const add = text(`at your DNS provider: ${name} ${data.type}`, `у вашего DNS-провайдера: ${name} ${data.type}`)
  return need === 'optional' ? [] : [add]
}

// What is there ----------------------------------------------------------------------------------------------------------

type Look =
  | { readonly at: 'seen'; readonly verdict: Verdict; readonly have: string | null }
  | { readonly at: 'failed'; readonly why: string }

const RIGHT: Verdict = { at: 'right', says: text('as it should be', 'как надо') }
const MISSING: Verdict = { at: 'missing', says: text('not there yet', 'ещё нет') }
const DIFFERENT: Verdict = { at: 'different', says: text('says something else', 'там другое') }

async function look(records: readonly WantedRecord[], dns: DnsSettings, resolver: Resolver): Promise<Look> {
  const [first] = records
  const data = first?.data
  if (first === undefined || data === undefined) throw new Error('a group without records')
  switch (data.type) {
    case 'A':
    case 'AAAA': {
      const answer = await resolver.query(first.name, data.type)
      const wanted = records.map((record) => (record.data.type === data.type ? record.data.address : ''))
      return from(answer, String, (found) => sameSet(found, wanted))
    }
    case 'MX':
      return from(await resolver.query(first.name, 'MX'), printMx, (found) => mxVerdict(found, dns))
    case 'TXT':
      return textRecord(first, data.text, resolver)
    case 'CNAME':
      return hostName(first, data.target, resolver)
    case 'PTR':
      return reverse(first, data.target, resolver)
    case 'CAA':
      return caa(first, data.value, resolver)
    case 'SRV':
      return services(records, resolver)
    case 'TLSA':
      return tlsa(first, dns, resolver)
  }
}

/** An answer, whatever was found in it, judged. */
function from<R>(answer: DnsAnswer<R>, print: (record: R) => string, judge: (found: readonly R[]) => Verdict): Look {
  if (answer.at === 'failed') return answer
  const found = answer.at === 'found' ? answer.records : []
  return { at: 'seen', verdict: judge(found), have: found.length === 0 ? null : found.map(print).join(' · ') }
}

function sameSet(found: readonly string[], wanted: readonly string[]): Verdict {
  if (found.length === 0) return MISSING
  const plain = (record: string): string => record.toLowerCase()
  const have = new Set(found.map(plain))
  if (!wanted.every((each) => have.has(plain(each)))) return DIFFERENT
  if (found.length === wanted.length) return RIGHT
  return { ...DIFFERENT, says: text('more addresses than this server has', 'адресов больше, чем у этого сервера') }
}

const printMx = ({ preference, exchange }: DnsRecords['MX']): string => `${preference} ${exchange}`

function mxVerdict(found: readonly DnsRecords['MX'][], dns: DnsSettings): Verdict {
  const advice = adviseMx(found, dns)
  switch (advice.at) {
    case 'ours':
      return RIGHT
    case 'none':
      return MISSING
    case 'elsewhere':
      return {
        at: 'different',
        says: text(
          `points to ${advice.exchange}: mail still goes there, switch it last`,
          `указывает на ${advice.exchange}: почта пока идёт туда, меняйте в последнюю очередь`,
        ),
      }
    case 'behind':
      return {
        at: 'different',
        says: text(`${advice.exchange} comes before us`, `${advice.exchange} стоит раньше нас`),
      }
  }
}

// Texts ------------------------------------------------------------------------------------------------------------------

async function textRecord(record: WantedRecord, wanted: string, resolver: Resolver): Promise<Look> {
  const answer = await resolver.query(record.name, 'TXT')
  const tag = wanted.slice(0, wanted.search(/[; ]|$/))
  if (answer.at === 'failed') return answer
  const found = (answer.at === 'found' ? answer.records : []).filter((each) => startsWithTag(each, tag, record))
  const have = found.length === 0 ? null : found.join(' · ')
  if (found.length > 1)
    return {
      at: 'seen',
      have,
      verdict: {
        at: 'harmful',
        says: text('two of them: others then take neither', 'их две: тогда другие не берут ни одной'),
        fix: [text('leave one', 'оставьте одну')],
      },
    }
  return { at: 'seen', have, verdict: textVerdict(record, found[0] ?? null, wanted) }
}

/** DKIM's version may be left out (RFC 6376 §3.6.1). */
const startsWithTag = (found: string, tag: string, { id }: WantedRecord): boolean =>
  id === 'dkim' || found.trim().toLowerCase().startsWith(tag.toLowerCase())

function textVerdict({ id }: WantedRecord, found: string | null, wanted: string): Verdict {
  if (found === null) return id === 'spf' ? { ...MISSING, want: wanted } : MISSING
  switch (id) {
    case 'spf': {
      const merged = mergeSpf(found, wanted)
      if (merged === found) return RIGHT
      return {
        at: 'different',
        says: text('does not let this server send', 'не разрешает отправку с этого сервера'),
        want: merged,
      }
    }
    case 'spf-helo':
      return RIGHT // Whoever wrote one knows what for.
    case 'dmarc': {
      const policy = tagsOf(found).get('p') ?? ''
      if (!['none', 'quarantine', 'reject'].includes(policy)) return DIFFERENT
      if (policy !== 'none') return RIGHT
      return {
        ...RIGHT,
        says: text(
          'p=none: raise it to quarantine once the reports are clean',
          'p=none: поднимите до quarantine, когда отчёты будут чистыми',
        ),
      }
    }
    case 'dkim':
      if (bare(tagsOf(found).get('p') ?? '') === bare(tagsOf(wanted).get('p') ?? '')) return RIGHT
      return {
        at: 'different',
        says: text(
          'another key is published, or this one was cut on the way: gavan dns --split',
          'опубликован другой ключ, или этот обрезан: gavan dns --split',
        ),
      }
    case 'mta-sts':
      if (tagsOf(found).get('id') === tagsOf(wanted).get('id')) return RIGHT
      return {
        at: 'different',
        says: text(
          'the id is of another policy: others keep the old one until it changes',
          'id от другой политики: пока он не изменится, другие держатся старой',
        ),
      }
    default:
      return RIGHT
  }
}

/** RFC 6376 §3.2. */
function tagsOf(record: string): Map<string, string> {
  return new Map(
    record.split(';').map((part): [string, string] => {
      const equals = part.indexOf('=')
      return [part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]
    }),
  )
}

const bare = (value: string): string => value.replaceAll(/\s/g, '')

// Names ------------------------------------------------------------------------------------------------------------------

/** As an alias or by the same addresses. */
async function hostName({ name }: WantedRecord, target: string, resolver: Resolver): Promise<Look> {
  const alias = await resolver.query(name, 'CNAME')
  if (alias.at === 'failed') return alias
  if (alias.at === 'found') return from(alias, String, (found) => sameSet(found, [target]))
  const own = await resolver.query(name, 'A')
  return from(own, String, (found) => (found.length === 0 ? MISSING : RIGHT))
}

/** That the name leads back to the address, the host's own records say. */
async function reverse({ name }: WantedRecord, target: string, resolver: Resolver): Promise<Look> {
  const answer = await resolver.query(name, 'PTR')
  return from(answer, String, (found) => {
    if (found.length === 0) return MISSING
    return found.includes(target) ? RIGHT : DIFFERENT
  })
}

async function caa({ name, zone }: WantedRecord, issuer: string, resolver: Resolver): Promise<Look> {
  // RFC 8659 §3: the closest name upward that has any decides.
  for (const at of [name, zone]) {
    const answer = await resolver.query(at, 'CAA')
    if (answer.at === 'failed') return answer
    if (answer.at !== 'found') continue
    return from(
      answer,
      ({ flags, tag, value }) => `${flags} ${tag} "${value}"`,
      (found) => {
        const issuers = found.filter(({ tag }) => tag === 'issue').map(({ value }) => value.split(';', 1)[0]?.trim())
        if (issuers.length === 0 || issuers.includes(issuer)) return RIGHT
        return {
          at: 'harmful',
          says: text(`forbids ${issuer} to issue our certificate`, `запрещает ${issuer} выпускать наш сертификат`),
        }
      },
    )
  }
  return {
    at: 'seen',
    have: null,
    verdict: { ...RIGHT, says: text('none: any authority may issue', 'нет: выпускать может любой центр') },
  }
}

async function services(records: readonly WantedRecord[], resolver: Resolver): Promise<Look> {
  const wrong: string[] = []
  let there = 0
  for (const { name, data } of records) {
    if (data.type !== 'SRV') continue
    const answer = await resolver.query(name, 'SRV')
    if (answer.at === 'failed') return answer
    const [found] = answer.at === 'found' ? answer.records : []
    if (found === undefined) continue
    there += 1
    const same = data.target === '' ? found.target === '.' : found.target === data.target && found.port === data.port
    if (!same) wrong.push(`${name} ${found.port} ${found.target}`)
  }
  if (wrong.length > 0) return { at: 'seen', have: wrong.join(' · '), verdict: { ...DIFFERENT, at: 'different' } }
  return { at: 'seen', have: null, verdict: there === 0 ? MISSING : RIGHT }
}

/** Of a signed zone: what is said there is believed, by those who look (RFC 7672 §2.2). */
async function tlsa({ name }: WantedRecord, { keyDigests }: DnsSettings, resolver: Resolver): Promise<Look> {
  const answer = await resolver.query(name, 'TLSA')
  const digestsFor = (use: KeyDigest['use']): string[] =>
    keyDigests.filter((key) => key.use === use).map(({ digest }) => digest)
  return from(
    answer,
    ({ usage, selector, matching, data }) => `${usage} ${selector} ${matching} ${data}`,
    (found) => {
      if (found.length === 0)
        return {
          ...MISSING,
          says: text(
            'none, though the zone is signed: with them others bring mail by TLS only (DANE)',
            'нет, хотя зона подписана: с ними другие доставляют почту только по TLS (DANE)',
          ),
        }
      // RFC 7672 §3.1.3: what other usages say of our certificate is not for us to know.
      const keys = found.filter(({ usage, selector, matching }) => usage === 3 && selector === 1 && matching === 1)
      const has = (digest: string): boolean => keys.some(({ data }) => data === digest)
      // One for each kind of key in use: a peer may be shown either (RFC 7671 §8.4).
      if (!digestsFor('now').every(has))
        return {
          at: keys.length < found.length && keys.length === 0 ? 'different' : 'harmful',
          says: text(
            'another key is named: servers that check it will not bring mail',
            'указан другой ключ: серверы, которые это проверяют, не доставят почту',
          ),
          fix: [text('publish what gavan dns --tlsa says', 'опубликуйте то, что скажет gavan dns --tlsa')],
        }
      if (!digestsFor('next').every(has))
        return {
          at: 'late',
          says: text(
            'the key after this one is missing: add its record before the next renewal (gavan cert status), and leave this one',
            'нет записи следующего ключа: добавьте её до ближайшего продления (gavan cert status), нынешнюю оставьте',
          ),
          fix: [text('gavan dns --tlsa', 'gavan dns --tlsa')],
        }
      return RIGHT
    },
  )
}
