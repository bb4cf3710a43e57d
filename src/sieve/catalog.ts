/** The tables of all extensions, in one place to look things up. */
import type { CommandSpec, Extension, TagSpec, TestSpec } from './spec.ts'

export type Owned<T> = { readonly spec: T; readonly name: string; readonly capability: string | null }
type Tagged = { readonly tag: TagSpec; readonly capability: string | null }

export type Catalog = {
  readonly capabilities: ReadonlyMap<string, { readonly changesLanguage: boolean; readonly implies: readonly string[] }>
  /** Of several with one name, the one that the script has. */
  command(name: string, has: (capability: string) => boolean): Owned<CommandSpec> | undefined
  test(name: string, has: (capability: string) => boolean): Owned<TestSpec> | undefined
  /** Tags of this name that others add. */
  added(
    owner: { readonly name: string; readonly spec: { readonly matching?: boolean } },
    name: string,
  ): readonly Tagged[]
  /** Namespaces of variables (RFC 5229 §3). */
  namespaces(has: ReadonlySet<string>): ReadonlySet<string>
}

/** `to` of an addition: everything that takes match types. */
export const ALL_MATCHING = '*'

const NONE: ReadonlySet<string> = new Set()
const GLOBAL: ReadonlySet<string> = new Set(['global'])

export function createCatalog(extensions: readonly Extension[]): Catalog {
  const capabilities = new Map<string, { changesLanguage: boolean; implies: readonly string[] }>()
  const commands = new Map<string, Owned<CommandSpec>[]>()
  const tests = new Map<string, Owned<TestSpec>[]>()
  const added = new Map<string, Tagged[]>()
  for (const extension of extensions) {
    const { capability } = extension
    if (capability !== null) {
      const { changesLanguage = false, implies = [] } = extension
      capabilities.set(capability, { changesLanguage, implies })
    }
    for (const spec of extension.commands ?? []) push(commands, spec.name, { spec, name: spec.name, capability })
    for (const spec of extension.tests ?? []) push(tests, spec.name, { spec, name: spec.name, capability })
    for (const { to, tags } of extension.adds ?? [])
      for (const target of to) for (const tag of tags) push(added, `${target} ${tag.name}`, { tag, capability })
  }
  const choose = <T>(
    list: readonly Owned<T>[] | undefined,
    has: (capability: string) => boolean,
  ): Owned<T> | undefined => list?.find(({ capability }) => capability === null || has(capability)) ?? list?.[0]
  return {
    capabilities,
    command: (name, has) => choose(commands.get(name), has),
    test: (name, has) => choose(tests.get(name), has),
    added: (owner, name) => [
      ...(added.get(`${owner.name} ${name}`) ?? []),
      ...(owner.spec.matching === true ? (added.get(`${ALL_MATCHING} ${name}`) ?? []) : []),
    ],
    namespaces: (has) => (has.has('include') ? GLOBAL : NONE), // RFC 6609 §3.4.2
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
