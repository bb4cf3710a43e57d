/** What touches scripts: RFC 5804 §2.5 to §2.12. */
import type { ScriptChecked, Scripts } from '../../../core/contract.ts'
import type { ManageSieveCommand } from '../../../protocol/managesieve/command.ts'
import { printString } from '../../../protocol/managesieve/print.ts'
import { never } from '../../../std/assert.ts'
import { no, okay, type Done } from '../context.ts'

export type ScriptCommand = Extract<
  ManageSieveCommand,
  {
    verb:
      | 'HAVESPACE'
      | 'PUTSCRIPT'
      | 'LISTSCRIPTS'
      | 'SETACTIVE'
      | 'GETSCRIPT'
      | 'DELETESCRIPT'
      | 'RENAMESCRIPT'
      | 'CHECKSCRIPT'
  }
>

type Outcome =
  | ScriptChecked
  | { readonly at: 'done' | 'bad-name' | 'too-large' | 'too-many' | 'not-found' | 'exists' | 'active' }

/** @param say for what comes before the reply @throws StoreError */
export async function runOnScripts(
  scripts: Scripts,
  command: ScriptCommand,
  say: (text: string) => void,
): Promise<Done> {
  switch (command.verb) {
    case 'HAVESPACE':
      return answer(await scripts.spaceFor(command.name, command.sizeOctets))
    case 'PUTSCRIPT':
      return answer(await scripts.put(command.name, command.text))
    case 'CHECKSCRIPT':
      return answer(scripts.check(command.text))
    case 'LISTSCRIPTS':
      for (const { name, active } of await scripts.list()) say(`${printString(name)}${active ? ' ACTIVE' : ''}\r\n`)
      return okay()
    case 'SETACTIVE': // RFC 5804 §2.8: an empty name switches filtering off.
      return answer(await scripts.activate(command.name === '' ? null : command.name))
    case 'GETSCRIPT': {
      const text = await scripts.get(command.name)
      if (text === null) return answer({ at: 'not-found' })
      say(`{${Buffer.byteLength(text)}}\r\n${text}\r\n`)
      return okay()
    }
    case 'DELETESCRIPT':
      return answer(await scripts.remove(command.name))
    case 'RENAMESCRIPT':
      return answer(await scripts.rename(command.name, command.newName))
    default:
      return never(command)
  }
}

function answer(outcome: Outcome): Done {
  switch (outcome.at) {
    case 'done': {
      const warnings = 'warnings' in outcome ? outcome.warnings : []
      return warnings.length === 0 ? okay() : { condition: 'OK', code: 'WARNINGS', text: linesOf(warnings) }
    }
    case 'invalid':
      return no(linesOf(outcome.errors))
    case 'bad-name':
      return no('Not a name for a script')
    case 'too-large':
      return no('The script is too large', 'QUOTA/MAXSIZE')
    case 'too-many':
      return no('There are too many scripts', 'QUOTA/MAXSCRIPTS')
    case 'not-found':
      return no('There is no such script', 'NONEXISTENT')
    case 'exists':
      return no('There is a script of that name', 'ALREADYEXISTS')
    case 'active':
      return no('The script is active: activate another, or none, first', 'ACTIVE')
    default:
      return never(outcome)
  }
}

/** One problem to a line, as editors show them. */
const linesOf = (problems: readonly { line: number; column: number; message: string }[]): string =>
  problems.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`).join('\r\n')
