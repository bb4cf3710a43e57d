import { styleText } from 'node:util'
import type { Language } from '../../exposure/words/contract.ts'
import { GROUPS, type Finding, type Group, type State, type Text } from './contract.ts'

const MARKS: Readonly<Record<State, string>> = { ok: '✓', info: '–', warning: '!', problem: '✗', 'not-checked': '?' }
const COLOURS: Readonly<Record<State, Parameters<typeof styleText>[0]>> = {
  ok: 'green',
  info: 'dim',
  warning: 'yellow',
  problem: 'red',
  'not-checked': 'dim',
}

const HEADINGS: Readonly<Record<Group, Text>> = {
  machine: { en: 'This machine', ru: 'Эта машина' },
  outside: { en: 'Outside', ru: 'Снаружи' },
  names: { en: 'Names', ru: 'Имена (DNS)' },
  certificate: { en: 'Certificate', ru: 'Сертификат' },
  reputation: { en: 'Reputation', ru: 'Репутация' },
  network: { en: 'Network', ru: 'Сеть' },
}

const WORDS = {
  fix: { en: 'fix', ru: 'что делать' },
  have: { en: 'have', ru: 'есть' },
  want: { en: 'want', ru: 'нужно' },
} as const satisfies Record<string, Text>

/** For people. Colours only where `colours` says so. */
export function printFindings(findings: readonly Finding[], language: Language, colours: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text
  const lines: string[] = []
  for (const group of GROUPS) {
    const own = findings.filter((each) => each.group === group)
    if (own.length === 0) continue
    lines.push(paint('bold', HEADINGS[group][language]))
    const told = collapsed(own)
    const width = Math.min(LABEL_MAX, Math.max(...told.map(({ label }) => label[language].length)))
    for (const { state, label, says, fix = [], have, want } of told) {
      lines.push(`  ${paint(COLOURS[state], MARKS[state])} ${label[language].padEnd(width)}  ${says[language]}`)
      const more: [string, string][] = []
      if (state !== 'ok' && have !== undefined) more.push([WORDS.have[language], have])
      if (want !== undefined) more.push([WORDS.want[language], want])
      for (const each of fix) more.push([WORDS.fix[language], each[language]])
      const labelWidth = Math.max(0, ...more.map(([name]) => name.length))
      for (const [name, value] of more) lines.push(`      ${paint('dim', name.padEnd(labelWidth))}  ${value}`)
    }
  }
  return lines.join('\n')
}

const LABEL_MAX = 36
const ALIKE_MAX = 3

/** What could not be checked for one and the same cause is told once. */
function collapsed(findings: readonly Finding[]): Finding[] {
  const alike = Map.groupBy(findings, ({ state, says, fix }) =>
    state === 'not-checked' && fix === undefined ? says.en : Symbol('alone'),
  )
  return [...alike.values()].flatMap((list) => {
    const [first] = list
    if (first === undefined || list.length <= ALIKE_MAX) return list
    const rest = list.length - 1
    const label = { en: `${first.label.en} + ${rest} more`, ru: `${first.label.ru} и ещё ${rest}` }
    return [{ ...first, label }]
  })
}

/** `3 problems, 2 warnings, 2 not checked.`, or that all is well. */
export function printSummary(findings: readonly Finding[], language: Language): string {
  const count = (state: State): number => findings.filter((each) => each.state === state).length
  const parts = (['problem', 'warning', 'not-checked'] as const)
    .map((state) => ({ state, number: count(state) }))
    .filter(({ number }) => number > 0)
    .map(({ state, number }) => COUNTED[language](state, number))
  if (parts.length === 0) return language === 'ru' ? 'Всё в порядке.' : 'All is well.'
  return `${parts.join(', ')}.`
}

const PLURALS = { en: new Intl.PluralRules('en'), ru: new Intl.PluralRules('ru') }

type Counted = 'problem' | 'warning' | 'not-checked'
const COUNTED: Readonly<Record<Language, (state: Counted, number: number) => string>> = {
  en: (state, number) => {
    if (state === 'not-checked') return `${number} not checked`
    return `${number} ${state}${PLURALS.en.select(number) === 'one' ? '' : 's'}`
  },
  ru: (state, number) => {
    if (state === 'not-checked') return `${number} не проверено`
    const forms = state === 'problem' ? ['ошибка', 'ошибки', 'ошибок'] : ['замечание', 'замечания', 'замечаний']
    const form = { one: 0, few: 1 }[PLURALS.ru.select(number) as 'one' | 'few'] ?? 2
    return `${number} ${forms[form]}`
  },
}

/** For programs: English, stable. */
export function findingJson({ id, group, state, label, says, fix = [], have, want }: Finding): Record<string, unknown> {
  return {
    id,
    group,
    state,
    label: label.en,
    says: says.en,
    fix: fix.map(({ en }) => en),
    have: have ?? null,
    want: want ?? null,
  }
}
