import { JUNK_AT_HAND_MAX_OCTETS, JUNK_LEARNT_MIN, JUNK_LEARNT_OF_ALL_MIN, JUNK_POINTS } from '../../model/limits.ts'
import type { AccountId } from '../../model/ids.ts'
import type { JunkReads, JunkSender } from '../../store/contract.ts'
import type { Finding } from '../screening/contract.ts'
import { classify, wordProbability, type Letters } from './classify.ts'
import type { JudgedLetter, JunkJudge, JunkVerdict } from './contract.ts'
import { ACCOUNT_POINTS as POINTS, finding, JUNK_GOOD_BELOW, JUNK_PROBABLE, JUNK_SURE, GOOD_SURE } from './points.ts'
import { addressOf, senderNames, writtenName } from './senders.ts'
import { tokensOf } from './tokens.ts'
import { openWordTable, type WordTable } from './word-table.ts'

type AtHand = {
  readonly version: number
  readonly letters: Letters
  readonly table: WordTable
  readonly octets: number
}

export type Explained = {
  readonly verdict: JunkVerdict
  /** Whose words were asked. */
  readonly whose: 'own' | 'all' | 'none'
  readonly letters: Letters
  readonly probability: number | null
  /** Those that spoke loudest, for junk first. */
  readonly words: readonly {
    readonly word: string
    readonly probability: number
    readonly good: number
    readonly junk: number
  }[]
}

const WORDS_TOLD = 20

export function createJunkJudge(reads: JunkReads): JunkJudge & {
  /** The same verdict with the words that spoke. */
  explain(accountId: AccountId, letter: JudgedLetter): Promise<Explained>
} {
  /** The least lately used first. */
  const atHand = new Map<number, AtHand>()
  let octetsAtHand = 0

  function letGo(key: number): void {
    octetsAtHand -= atHand.get(key)?.octets ?? 0
    atHand.delete(key)
  }

  function wordsOf(accountId: AccountId | null): AtHand | null {
    const key = accountId ?? 0
    const version = reads.version(accountId)
    const known = atHand.get(key)
    if (version === null || known?.version !== version) letGo(key)
    if (version === null) return null
    if (known?.version === version) {
      atHand.delete(key)
      atHand.set(key, known)
      return known
    }
    const words = reads.words(accountId)
    if (words === null) return null
    const { good, junk, octets } = words
    const one = { version: words.version, letters: { good, junk }, table: openWordTable(octets), octets: octets.length }
    for (const [oldest] of atHand) {
      if (octetsAtHand + one.octets <= JUNK_AT_HAND_MAX_OCTETS) break
      letGo(oldest)
    }
    atHand.set(key, one)
    octetsAtHand += one.octets
    return one
  }

  /** The account's own words, or those of all while it has learnt too little. */
  function whoseWords(accountId: AccountId): { whose: 'own' | 'all'; words: AtHand } | null {
    const own = wordsOf(accountId)
    if (own !== null && enough(own.letters, JUNK_LEARNT_MIN)) return { whose: 'own', words: own }
    const all = wordsOf(null)
    return all !== null && enough(all.letters, JUNK_LEARNT_OF_ALL_MIN) ? { whose: 'all', words: all } : null
  }

  async function explain(accountId: AccountId, letter: JudgedLetter, named: boolean): Promise<Explained> {
    const findings = senderFindings(accountId, letter, reads)
    // Choice: the words of those whom the owner writes to, and who prove it, are not asked: a friend may write of anything.
    const known = findings.some(({ points }) => points <= POINTS.written)
    const chosen = known && !named ? null : whoseWords(accountId)
    let probability: number | null = null
    let words: Explained['words'] = []
    if (chosen !== null) {
      const { table, letters } = chosen.words
      const { hashes, names } = await tokensOf(letter.read, letter.summary, { named })
      probability = classify(hashes, table.get, letters).probability
      const found = known ? null : wordsFinding(probability, chosen)
      if (found !== null) findings.push(found)
      if (names !== null) words = loudest(hashes, names, table, letters)
    }
    const points = findings.reduce((sum, each) => sum + each.points, letter.points)
    const result = points >= JUNK_POINTS ? 'junk' : points >= JUNK_POINTS / 2 ? 'unsure' : 'good'
    return {
      verdict: { result, points, findings },
      whose: chosen?.whose ?? 'none',
      letters: chosen?.words.letters ?? { good: 0, junk: 0 },
      probability,
      words,
    }
  }

  return {
    judge: async (accountId, letter) => (await explain(accountId, letter, false)).verdict,
    explain: (accountId, letter) => explain(accountId, letter, true),
  }
}

const enough = ({ good, junk }: Letters, min: number): boolean => good >= min && junk >= min

function wordsFinding(probability: number, { whose, words }: { whose: 'own' | 'all'; words: AtHand }): Finding | null {
  const { good, junk } = words.letters
  const of = whose === 'own' ? 'your own letters' : 'the letters of all users'
  const says = (what: string): string =>
    `its words are like ${what} (${probability.toFixed(3)}; ${good} good and ${junk} junk of ${of})`
  if (probability >= JUNK_SURE) return finding('words', POINTS.wordsJunkSure, says('junk'))
  if (probability >= JUNK_PROBABLE) return finding('words', POINTS.wordsJunk, says('junk'))
  if (probability <= GOOD_SURE) return finding('words', POINTS.wordsGoodSure, says('good letters'))
  return probability <= JUNK_GOOD_BELOW ? finding('words', POINTS.wordsGood, says('good letters')) : null
}

function senderFindings(accountId: AccountId, letter: JudgedLetter, reads: JunkReads): Finding[] {
  const { summary, provenDomain, forged } = letter
  const findings: Finding[] = []
  const names = senderNames(summary.header, letter)
  const author = summary.header.from.length === 1 ? addressOf(summary.header.from[0]!) : null
  const written = author === null ? null : writtenName(author)
  const asked = [written, names.address, names.domain, names.network].filter((name) => name !== null)
  if (asked.length === 0) return findings
  const known = reads.senders(accountId, asked)
  const of = (name: string | null): JunkSender =>
    (name === null ? undefined : known.get(name)) ?? { written: 0, good: 0, junk: 0 }
  const proven = names.domain !== null
  const address = of(names.address)
  if (of(written).written > 0 && !forged)
    findings.push(finding('known', proven ? POINTS.written : POINTS.writtenUnproven, `you have written to ${author} before${proven ? '' : ', but nothing proves that it is from there'}`)) // prettier-ignore
  if (address.junk > address.good)
    findings.push(finding('sender', POINTS.senderJunk, `${address.junk} letters of ${author} were junk, ${address.good} were not`)) // prettier-ignore
  else if (proven && address.good >= 2 && address.junk === 0)
    findings.push(finding('sender', POINTS.senderGood, `${address.good} letters of ${author} were good`))
  else {
    const domain = of(names.domain)
    if (domain.junk >= 2 && domain.junk > 2 * domain.good)
      findings.push(finding('domain', POINTS.domainJunk, `${domain.junk} letters of ${provenDomain} were junk, ${domain.good} were not`)) // prettier-ignore
    else if (domain.good >= 3 && domain.junk === 0)
      findings.push(finding('domain', POINTS.domainGood, `${domain.good} letters of ${provenDomain} were good`))
  }
  const network = of(names.network)
  if (network.junk >= 3 && network.good === 0)
    findings.push(finding('network', POINTS.networkJunk, `${network.junk} letters from ${names.network?.slice(8)} were junk, none was good`)) // prettier-ignore
  return findings
}

function loudest(
  hashes: Uint32Array,
  names: ReadonlyMap<number, string>,
  table: WordTable,
  letters: Letters,
): Explained['words'] {
  const all = [...hashes]
    .map((hash) => {
      const counts = table.get(hash)
      return {
        word: names.get(hash) ?? '',
        probability: wordProbability(counts, letters),
        good: counts & 0xffff,
        junk: counts >>> 16,
      }
    })
    .filter(({ probability }) => Math.abs(probability - 0.5) >= 0.1)
    .toSorted((a, b) => Math.abs(b.probability - 0.5) - Math.abs(a.probability - 0.5))
    .slice(0, WORDS_TOLD)
  return all.toSorted((a, b) => b.probability - a.probability)
}
