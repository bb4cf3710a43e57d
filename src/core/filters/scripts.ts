import { SIEVE_SCRIPT_MAX_OCTETS, SIEVE_SCRIPTS_PER_ACCOUNT_MAX } from '../../model/limits.ts'
import type { Compile } from '../../sieve/contract.ts'
import type { Store } from '../../store/contract.ts'
import type { AccountRef, Scripts } from '../contract.ts'
import { scriptName } from './script-name.ts'

/** The handle bound to one proven account (S27). */
export function openScripts(account: AccountRef, options: { store: Store; compile: Compile }): Scripts {
  const { store, compile } = options
  const { filters } = store
  const { accountId } = account

  const spaceFor: Scripts['spaceFor'] = async (text, sizeOctets) => {
    const name = scriptName(text)
    if (name === null) return { at: 'bad-name' }
    if (sizeOctets > SIEVE_SCRIPT_MAX_OCTETS) return { at: 'too-large' }
    const scripts = await filters.scripts(accountId)
    const isNew = !scripts.some((script) => script.name === name)
    return { at: isNew && scripts.length >= SIEVE_SCRIPTS_PER_ACCOUNT_MAX ? 'too-many' : 'done' }
  }

  return {
    account,
    list: () => filters.scripts(accountId),
    get: (name) => filters.script(accountId, name.normalize('NFC')),
    spaceFor,
    check(text) {
      const compiled = compile(text)
      return compiled.ok ? { at: 'done', warnings: compiled.warnings } : { at: 'invalid', errors: compiled.errors }
    },
    async put(text, script) {
      const space = await spaceFor(text, Buffer.byteLength(script))
      if (space.at !== 'done') return space
      const compiled = compile(script)
      if (!compiled.ok) return { at: 'invalid', errors: compiled.errors }
      const done = await store.run({ do: 'putScript', accountId, name: text.normalize('NFC'), text: script })
      return done.at === 'done' ? { at: 'done', warnings: compiled.warnings } : done
    },
    activate: (name) =>
      store.run({ do: 'activateScript', accountId, name: name === null ? null : name.normalize('NFC') }),
    remove: (name) => store.run({ do: 'removeScript', accountId, name: name.normalize('NFC') }),
    async rename(name, text) {
      const newName = scriptName(text)
      if (newName === null) return { at: 'bad-name' }
      return store.run({ do: 'renameScript', accountId, name: name.normalize('NFC'), newName })
    },
  }
}
