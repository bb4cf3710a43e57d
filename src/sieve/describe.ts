/** An outcome in lines for people, e.g. of `gavan sieve test`. */
import { printAddress } from '../format/address/address.ts'
import type { Action, FileCopy, Flags, Outcome } from './contract.ts'

/** One line for each thing to be done, in order; added header fields and the error at the end. */
export function describeOutcome(outcome: Outcome): string[] {
  const lines = outcome.actions.map(describeAction)
  const { implicitKeep, headers, error } = outcome
  if (implicitKeep !== null) lines.push(`implicit keep${flagsOf(implicitKeep.flags)}${headerOf(implicitKeep.header)}`)
  else if (outcome.actions.length === 0) lines.push('discard')
  for (const [index, version] of headers.entries()) {
    if (index === 0) continue
    const edits = [
      ...version.removed.map(({ start, end }) => `header ${index}: without octets ${start} to ${end}`),
      ...fieldsOf(version.first).map((field) => `header ${index}: first ${quote(field)}`),
      ...fieldsOf(version.last).map((field) => `header ${index}: last ${quote(field)}`),
    ]
    lines.push(...edits)
  }
  if (error !== null) lines.push(`error in line ${error.line}${scriptOf(error.script)}: ${error.message}`)
  return lines
}

export const scriptOf = (script: string | null): string => (script === null ? '' : ` of “${script}”`)

function describeAction(action: Action): string {
  const header = headerOf(action.header)
  switch (action.do) {
    case 'keep':
      return `keep${flagsOf(action.flags)}${header}`
    case 'fileinto':
      return `fileinto ${describeTarget(action)}${header}`
    case 'redirect':
      return `redirect ${printAddress(action.address)}${header}`
    case 'reject':
      return `${action.kind} ${quote(action.text)}`
    case 'vacation': {
      const kind = action.mime ? ' :mime' : ''
      const references = action.references.length === 0 ? '' : `, references ${action.references.join(' ')}`
      const what = `subject ${quote(action.subject)}, text${kind} ${quote(action.body)}${references}`
      return `vacation to ${printAddress(action.to)} from ${action.from}: ${what}${describeCopy(action.fcc)}`
    }
    case 'notify': {
      const lists = (['to', 'cc', 'bcc'] as const).filter((name) => action[name].length > 0)
      const whom = lists.map((name) => `${name} ${action[name].map(printAddress).join(' ')}`).join(' ')
      const fields = action.fields.map(([name, value]) => `, ${name}: ${value}`).join('')
      const what = `subject ${quote(action.subject)}, text ${quote(action.body)}, importance ${action.importance}${fields}`
      return `notify ${whom} from ${action.from}: ${what}${describeCopy(action.fcc)}`
    }
  }
}

function describeTarget(target: FileCopy): string {
  const use = target.specialUse === null ? '' : ` :specialuse ${target.specialUse}`
  return `${quote(target.mailbox)}${target.create ? ' :create' : ''}${use}${flagsOf(target.flags)}`
}

const describeCopy = (fcc: FileCopy | null): string => (fcc === null ? '' : `, fcc ${describeTarget(fcc)}`)
const flagsOf = (flags: Flags): string => (flags.length === 0 ? '' : ` with ${flags.join(' ')}`)
const headerOf = (header: number): string => (header === 0 ? '' : ` (header ${header})`)
const quote = (text: string): string => JSON.stringify(text)
/** A folded field is one. */
const fieldsOf = (lines: string): string[] =>
  lines
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .slice(0, -1)
