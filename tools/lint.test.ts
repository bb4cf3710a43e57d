/** Planted violations: proves that `.oxlintrc.json` enforces the room table and owns every promise. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { ROOT } from './tree.ts'

/** ARCHITECTURE.md, "Rooms": what a room may import; `x/contract` is that one file of a room. */
const TABLE: Record<string, readonly string[]> = {
  std: [],
  model: ['std'],
  format: ['std', 'model'],
  sieve: ['std', 'model', 'format'],
  mailauth: ['std', 'model', 'format'],
  protocol: ['std', 'model', 'format'],
  exposure: ['std', 'model'],
  net: ['std', 'model'],
  session: ['std', 'model', 'protocol', 'format', 'roles/contract', 'core/contract'],
  roles: ['std', 'model', 'format', 'mailauth', 'core/contract'],
  core: ['std', 'model', 'format', 'mailauth', 'store/contract', 'sieve/contract'],
  outbound: ['std', 'model', 'protocol', 'format', 'mailauth', 'core/contract', 'net/contract'],
  store: ['std', 'model'],
  app: [],
}
const ROOMS = Object.keys(TABLE)

const mayImport = (room: string, target: string): boolean => {
  if (room === 'app' || dirname(target) === room) return true
  return TABLE[room]!.includes(target) || TABLE[room]!.includes(dirname(target))
}

/** Files besides the table's: each with the rule it must raise, or none. */
const PLANTED: readonly { path: string; text: string; rule: string | null }[] = [
  {
    path: 'src/core/floats.ts',
    text: 'const work = async (): Promise<void> => {}\nexport const f = (): void => {\n  work()\n}\n',
    rule: 'no-floating-promises',
  },
  {
    path: 'src/core/void.ts',
    text: 'const work = async (): Promise<void> => {}\nexport const f = (): void => {\n  void work()\n}\n',
    rule: 'no-floating-promises',
  },
  {
    path: 'src/core/misused.ts',
    text: 'const work = async (): Promise<boolean> => true\nexport const f = (): number => (work() ? 1 : 2)\n',
    rule: 'no-misused-promises',
  },
  {
    path: 'src/core/cycle-a.ts',
    text: "import { b } from './cycle-b.ts'\nexport const a = (): number => b()\n",
    rule: 'no-cycle',
  },
  {
    path: 'src/core/cycle-b.ts',
    text: "import { a } from './cycle-a.ts'\nexport const b = (): number => a()\n",
    rule: 'no-cycle',
  },
  { path: 'src/core/default.ts', text: 'export default 1\n', rule: 'no-default-export' },
  { path: 'src/core/any.ts', text: 'export const f = (x: any): unknown => x\n', rule: 'no-explicit-any' },
  {
    path: 'src/core/switch.ts',
    text: "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1\n  }\n  return 2\n}\n",
    rule: 'switch-exhaustiveness-check',
  },
  {
    path: 'src/core/fine.test.ts',
    text: "import { test } from 'node:test'\nimport { x } from '../store/other.ts'\ntest('a test need not be awaited', () => x)\n",
    rule: null,
  },
  {
    path: 'src/store/memory/meets.ts',
    text: "import { x } from '../sqlite/inner.ts'\nexport const y = x\n",
    rule: 'no-restricted-imports',
  },
  {
    path: 'src/store/memory/contract-user.ts',
    text: "import { x } from '../contract.ts'\nexport const y = x\n",
    rule: null,
  },
  { path: 'src/store/sqlite/inner.ts', text: 'export const x = 1\n', rule: null },
]

type Finding = { readonly code: string; readonly filename: string }

suite('lint', () => {
  let root = ''
  let findings: readonly Finding[] = []

  const plant = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const rulesOf = (path: string): string[] => [
    ...new Set(
      findings
        .filter((f) => f.filename.replaceAll('\\', '/').endsWith(path))
        .map((f) => f.code.replace(/^.*\((.*)\)$/, '$1')),
    ),
  ]

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'gavan-lint-'))
    for (const name of ['.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(ROOT, name), join(root, name))
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction')
    for (const room of ROOMS)
      for (const name of ['contract', 'other']) plant(`src/${room}/${name}.ts`, 'export const x = 1\n')
    for (const room of ROOMS)
      for (const target of ROOMS)
        for (const name of ['contract', 'other']) {
          plant(
            `src/${room}/to-${target}-${name}.ts`,
            `import { x } from '../${target}/${name}.ts'\nexport const y = x\n`,
          )
          plant(
            `src/${room}/deep/to-${target}-${name}.ts`,
            `import type { X } from '../../${target}/${name}.ts'\nexport type Y = X\n`,
          )
        }
    for (const { path, text } of PLANTED) plant(path, text)
    const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint')
    const run = spawnSync(process.execPath, [oxlint, '--type-aware', '--format=json', 'src'], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    assert.match(run.stdout, /^\{/, run.stdout + run.stderr)
    findings = (JSON.parse(run.stdout) as { diagnostics: Finding[] }).diagnostics
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  for (const room of ROOMS)
    test(`${room} imports what the table says`, () => {
      for (const target of ROOMS)
        for (const name of ['contract', 'other'])
          for (const folder of [room, `${room}/deep`]) {
            const expected = mayImport(room, `${target}/${name}`) ? [] : ['no-restricted-imports']
            const path = `src/${folder}/to-${target}-${name}.ts`
            assert.deepEqual(rulesOf(path), expected, path)
          }
    })

  for (const { path, rule } of PLANTED)
    test(`${path}: ${rule ?? 'nothing'}`, () => assert.deepEqual(rulesOf(path), rule === null ? [] : [rule]))
})
