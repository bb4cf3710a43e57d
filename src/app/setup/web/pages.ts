/** The pages of setup, as HTML. They work without scripts; a click selects what is to be copied. */
import { escapeXml as html } from '../../../format/client-setup/xml.ts'
import type { Language } from '../../../exposure/words/contract.ts'
import type { WebAnswer } from '../../../model/web.ts'
import { page } from '../../../session/web/shell.ts'
import type { HeldPort } from '../../doctor/contract.ts'
import { CLIENTS, PORT80, type AnswerProblem, type Question } from '../answers.ts'
import type { GivenAnswers } from '../contract.ts'
import type { RecordLine } from '../names.ts'
import type { Rest } from '../tell.ts'
import { holderName } from '../words/shapes.ts'
import { SETUP_WORDS } from '../words/words.ts'
import { PAGE_WORDS } from './words.ts'

export const SETUP_PAGE = '/setup'

const pre = (lines: readonly string[], more = ''): string => `<pre${more}>${html(lines.join('\n'))}</pre>`

export type FormFacts = {
  readonly given: GivenAnswers
  readonly problem: AnswerProblem | null
  /** What setup saw here. */
  readonly seen: readonly string[]
  /** Who has port 80; null: nobody, and then it is not asked about. */
  readonly holder: HeldPort | null
  /** Whether the address outside is to be asked for. */
  readonly asksPublic: boolean
}

export function formPage(language: Language, { given, problem, seen, holder, asksPublic }: FormFacts): WebAnswer {
  const words = PAGE_WORDS[language]
  const { question, help, problem: why } = SETUP_WORDS[language]
  const says = (about: AnswerProblem['about']): string =>
    problem?.about === about ? `<p class="problem" id="${about}-problem" role="alert">${html(why(problem))}</p>` : ''
  const bad = (about: AnswerProblem['about']): string =>
    problem?.about === about ? ` aria-invalid="true" aria-describedby="${about}-problem"` : ''
  const field = (
    about: 'hostname' | 'domain' | 'first' | 'public',
    label: string,
    hint: string,
    value: string,
  ): string =>
    `<div><label>${html(label)}<input name="${about}" value="${html(value)}" autocomplete="off" autocapitalize="none" spellcheck="false"${about === 'hostname' ? ' required' : ''}${bad(about)}>` +
    `<span class="hint">${html(hint)}</span></label>${says(about)}</div>`
  const title = (about: Question): string => question[about](holder === null ? '' : holderName(holder))[0] ?? ''
  const choices = (about: 'clients' | 'port80', values: readonly string[], chosen: string): string => {
    const lines = question[about](holder === null ? '' : holderName(holder)).slice(1)
    const each = values.map((value, index) => {
      // `2 office    mail programs too, in the office`: the number is for terminals.
      const text = (lines[index] ?? value).replace(/^\d\s+\S+\s+/, '')
      return `<label class="choice"><input type="radio" name="${about}" value="${value}"${value === chosen ? ' checked' : ''}><span>${html(text)} <span class="muted">(${value})</span></span></label>`
    })
    return `<fieldset><legend>${html(title(about))}</legend>${each.join('')}<span class="hint">${html(help[about])}</span>${says(about)}</fieldset>`
  }
  const body =
    `<p>${html(words.lead)}</p><h2>${html(words.seen)}</h2>${pre(seen)}` +
    `<form class="stack" method="post" action="${SETUP_PAGE}"><input type="hidden" name="do" value="plan">` +
    field('hostname', words.hostname, words.hostnameHint, given.hostname ?? '') +
    field('domain', title('domain'), words.domainHint, given.domain ?? '') +
    field('first', title('first'), words.firstHint, given.first ?? '') +
    choices('clients', CLIENTS, given.clients ?? 'office') +
    (holder === null ? '' : choices('port80', PORT80, given.port80 ?? 'keep')) +
    (asksPublic ? field('public', words.public, words.publicHint, (given.publicAddresses ?? []).join(' ')) : '') +
    `<button>${html(words.show)}</button></form>`
  return page(language, words.title, body, { status: problem === null ? 200 : 422 })
}

export function planPage(
  language: Language,
  plan: { lines: readonly string[]; id: string; empty: boolean },
): WebAnswer {
  const { title, apply, back, nothing } = PAGE_WORDS[language].plan
  const body =
    pre(plan.lines) +
    `<form class="row" method="post" action="${SETUP_PAGE}"><input type="hidden" name="do" value="apply">` +
    `<input type="hidden" name="plan" value="${html(plan.id)}"><button>${html(plan.empty ? nothing : apply)}</button>` +
    `<a class="button second" href="${SETUP_PAGE}?change">${html(back)}</a></form>`
  return page(language, title, body)
}

/** Asked for again by itself until all is done. */
export function workingPage(language: Language, done: readonly string[]): WebAnswer {
  const { title, text } = PAGE_WORDS[language].working
  const lines = done.length === 0 ? '' : pre(done.map((each) => `✓ ${each}`))
  return page(language, title, `<p>${html(text)}</p>${lines}`, { headers: { refresh: `2; url=${SETUP_PAGE}` } })
}

export function donePage(language: Language, rest: Rest): WebAnswer {
  const words = PAGE_WORDS[language].done
  const { dns } = SETUP_WORDS[language]
  const parts = [
    firstPart(language, rest),
    ...(rest.byHand.length === 0 ? [] : [`<h2>${html(words.byHand)}</h2>`, ...rest.byHand.map((lines) => pre(lines))]),
    `<h2>${html(dns.head)}</h2><p class="muted">${html(words.copy)}</p>`,
    recordList(language, rest.records.lines),
    `<p class="muted">${rest.records.after.map(html).join('<br>')}</p>`,
    `<h2>${html(words.next)}</h2>${pre(rest.next)}`,
    rest.waits === null ? '' : `<p class="muted">${html(rest.waits)}</p>`,
    `<form method="post" action="${SETUP_PAGE}"><input type="hidden" name="do" value="end"><button class="second">${html(words.end)}</button></form>`,
  ]
  return page(language, words.title, parts.join(''))
}

function firstPart(language: Language, { first, address }: Rest): string {
  if (first === null) return ''
  const words = PAGE_WORDS[language].done
  const { sign, near } = first
  const head = `<h2>${html(words.first)}</h2><p><b>${html(address)}</b></p>`
  if (sign.by === 'password')
    return `${head}<p>${html(words.password)}</p><p><code class="copy">${html(sign.password)}</code></p>`
  return (
    `${head}<p><a class="button" href="${html(near ?? sign.link)}" target="_blank" rel="noreferrer">${html(words.choose)}</a></p>` +
    `<p class="muted">${html(words.near)}</p><p>${html(words.byName)}</p><p><code class="copy">${html(sign.link)}</code></p>`
  )
}

/** Each for itself, so that a value of any length has room on any screen. */
function recordList(language: Language, lines: readonly RecordLine[]): string {
  const { name, value } = PAGE_WORDS[language].done
  const item = (line: RecordLine): string =>
    `<li><p><b>${html(line.type)}</b> <span class="muted">${line.mark} ${html(line.says)}</span></p><dl>` +
    `<dt>${html(name)}</dt><dd><code class="copy">${html(line.name)}</code></dd>` +
    `<dt>${html(value)}</dt><dd><code class="copy">${html(line.value)}</code></dd></dl></li>`
  return `<ul class="records">${lines.map(item).join('')}</ul>`
}

export function failedPage(language: Language, lines: readonly string[]): WebAnswer {
  const { title, again } = PAGE_WORDS[language].failed
  const back = `<p><a class="button second" href="${SETUP_PAGE}?change">${html(again)}</a></p>`
  return page(language, title, pre(lines, ' role="alert"') + back)
}

export function plainPage(
  language: Language,
  which: 'ended' | 'gone' | 'foreign' | 'slow',
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): WebAnswer {
  const { title, text } = PAGE_WORDS[language][which]
  return page(language, title, `<p>${html(text)}</p>`, more)
}
