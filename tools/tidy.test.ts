import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { lineOf, scan } from './scan.ts'
import { check, RULE_NAMES, type RuleName, unknownNumbers, unusedLimits } from './tidy.ts'

const rulesThatFire = (path: string, text: string): RuleName[] => [...new Set(check({ path, text }).map((p) => p.rule))]

/** Keeps this file itself innocent. */
const SLASH = '/'
const PURE = 'src/session/x.ts'

/** For every rule: what it must find, each alone. */
const PLANTED: Record<(typeof RULE_NAMES)[number], readonly (readonly [path: string, text: string])[]> = {
  'no-machine': [
    [PURE, 'process.exit(1)'],
    [PURE, 'const env = process["env"]'],
    [PURE, 'globalThis.process.exit(1)'],
    [PURE, 'setTimeout(() => {}, 5)'],
    [PURE, 'const t = setInterval(f, 5)'],
    [PURE, 'setImmediate(f)'],
    [PURE, 'const now = Date.now()'],
    [PURE, 'const now = new Date()'],
    [PURE, 'const now = new Date'],
    [PURE, 'const n = performance.now()'],
    [PURE, 'const n = Math.random()'],
    [PURE, 'const id = randomUUID()'],
    [PURE, 'const s = `at ${Date.now()}`'],
    ...['net', 'tls', 'fs', 'fs/promises', 'dns', 'http', 'worker_threads', 'child_process', 'sqlite'].map(
      (module) => [PURE, `import { x } from 'node:${module}'`] as const,
    ),
    [PURE, "import {\n  connect,\n} from 'node:net'"],
    [PURE, "import 'node:fs'"],
    [PURE, "const fs = await import('node:fs')"],
  ],
  'no-test-code': [
    [PURE, "import { fake } from './testing/fake.ts'"],
    [PURE, "import type { Fake } from '../x.test-kit.ts'"],
    [PURE, "import { fake } from './test-connection.ts'"],
  ],
  'erasable-syntax': [
    [PURE, 'enum Color { Red }'],
    [PURE, 'export const enum Color { Red }'],
    [PURE, 'namespace Inner { }'],
    [PURE, 'class A { constructor(private x: number) {} }'],
    [PURE, 'class A { constructor(a: string, readonly x: number) {} }'],
  ],
  'no-barrel': [
    ['src/session/index.ts', 'export const a = 1'],
    [PURE, "export * from './y.ts'"],
  ],
  'no-shell': [
    ['src/app/x.ts', "spawn('ls', { shell: true })"],
    ['src/app/x.ts', "import { exec } from 'node:child_process'"],
    ['tools/x.ts', "import { execSync, spawn } from 'node:child_process'"],
    ['test/x.ts', "child_process.exec('ls')"],
  ],
  'kebab-case': [
    ['src/session/readLine.ts', ''],
    ['src/Session/x.ts', ''],
    ['test/snake_case.ts', ''],
  ],
  'no-machine-paths': [
    ['docs/x.md', `See ${SLASH}work/shared/x`],
    ['src/app/x.ts', `const home = '${SLASH}home/someone/mail'`],
    ['.ci/run', `cd ${SLASH}root/project`],
  ],
}

/** What looks like a violation and is none. */
const INNOCENT: readonly (readonly [path: string, text: string])[] = [
  [PURE, '// process.exit, Date.now() and setTimeout( are for net, store and app'],
  [PURE, "const text = 'process.env'"],
  [PURE, 'const matches = /process.x/.test(line)'],
  [PURE, 'const b = a / 2 // Math.random'],
  [PURE, 'clock.setTimeout(5)'],
  [PURE, 'const at = new Date(ms)'],
  [PURE, "import type { Socket } from 'node:net'"],
  [PURE, "// import what is needed\nimport type { Socket } from 'node:net'"],
  [PURE, "import { createHash } from 'node:crypto'"],
  [PURE, 'const found = PATTERN.exec(line)'],
  [PURE, 'const o = { process: 1, enumerable: true, namespace: x }'],
  [PURE, 'class A { constructor(x: number) { this.x = x } private readonly x: number }'],
  ['src/net/x.ts', "import { connect } from 'node:net'\nsetTimeout(f, 1)"],
  ['src/app/x.ts', 'process.exit(1)'],
  ['src/session/x.test.ts', 'setTimeout(f, 1)'],
  ['README.ru.md', 'cd ~/mail'],
  ['docs/x.md', 'https://example.org/home/page'],
  ['src/session/test-connection.ts', "import { x } from './testing/y.ts'"],
]

suite('tidy', () => {
  for (const rule of RULE_NAMES)
    for (const [path, text] of PLANTED[rule])
      test(`${rule} finds ${text || path}`, () => assert.deepEqual(rulesThatFire(path, text), [rule]))

  for (const [path, text] of INNOCENT)
    test(`nothing found in ${text || path}`, () => assert.deepEqual(check({ path, text }), []))

  test('a limit that is only mentioned is unused', () => {
    const limits = { path: 'src/model/limits.ts', text: 'export const A_MAX = 1\nexport const B_MAX = A_MAX\n' }
    const user = { path: 'src/core/x.ts', text: '// B_MAX\nif (n > A_MAX) stop()\n' }
    const byTest = { path: 'src/core/x.test.ts', text: 'f(B_MAX)' }
    assert.deepEqual(
      unusedLimits([limits, user, byTest]).map(({ line, why }) => [line, why]),
      [[2, 'B_MAX is obeyed nowhere']],
    )
  })
})

suite('numbered rules', () => {
  test('a number that docs/rules.md lacks', () => {
    const rules = { path: 'docs/rules.md', text: '| D7 | … |\n| S18, S20 | … |' }
    const source = { path: 'src/a.ts', text: "f() // D7, S20.\n// R99: what is that?\nconst R98 = 'R97'" }
    assert.deepEqual(
      unknownNumbers([rules, source]).map(({ line, why }) => [line, why]),
      [[2, 'R99 is not in docs/rules.md']],
    )
  })
})

suite('scan', () => {
  test('keeps length and lines', () => {
    const source = "a // b\nconst c = 'd' /* e\nf */ + `g${h + `i${'j'}`}k` + /l'\\/[/]/.test(m)\n"
    const { code, comments } = scan(source)
    assert.equal(code.length, source.length)
    assert.deepEqual(
      comments.map((comment) => comment.text),
      ['// b', '/* e\nf */'],
    )
    assert.deepEqual(code.match(/\w+/g), ['a', 'const', 'c', 'h', 'test', 'm'])
    assert.equal(lineOf(source, source.indexOf('test')), 3)
  })

  test('a template ends where it ends', () => {
    const { code } = scan('const a = `x${ { b: `}` } }y`; process.exit()')
    assert.ok(code.endsWith('; process.exit()'))
  })
})
