/**
 * The rules of CONTRIBUTING.md and ARCHITECTURE.md that the linter cannot see. Each is a function of one file, so that a planted violation can prove
 * it (`tidy.test.ts`). Run by `npm run check`.
 */
import { argv } from 'node:process'
import { lineOf, scan } from './scan.ts'
import { filesBelow, isTest, read, ROOT } from './tree.ts'

export type SourceFile = { readonly path: string; readonly text: string }
export type Problem = { readonly rule: RuleName; readonly path: string; readonly line: number; readonly why: string }

/** Switched on when every limit of src/model/limits.ts has code that obeys it. */
const ALL_LIMITS_IN_USE = true

type Rule = (file: SourceFile, code: string) => Iterable<{ at: number; why: string }>

function* matches(
  text: string,
  pattern: RegExp,
  why: (found: RegExpMatchArray) => string,
): Generator<{ at: number; why: string }> {
  for (const found of text.matchAll(pattern)) yield { at: found.index, why: why(found) }
}

/** The rooms that may touch the machine. */
const MACHINE_ROOMS = /^src\/(?:net|store|app)\//
const isPure = (path: string): boolean => path.startsWith('src/') && !MACHINE_ROOMS.test(path) && !isTest(path)
const isCode = (path: string): boolean => /\.(?:ts|js|mjs)$/.test(path)

const MACHINE_WORDS =
  /(?<![\w$.'"])(?:process\s*[.[]|(?:setTimeout|setInterval|setImmediate)\s*\(|Date\.now\b|new Date\s*(?:\(\s*\)|(?!\s*\())|performance\.now\b|Math\.random\b|(?:randomBytes|randomUUID|randomInt|getRandomValues)\s*\()|\b(?:globalThis\.(?:process|setTimeout|setInterval|setImmediate)|crypto\.(?:randomBytes|randomUUID|randomInt|getRandomValues))\b/g
const MACHINE_MODULES =
  /\bimport\b(?!\s+type\b)(?:(?!\bimport\b)[^'";])*['"](node:(?:net|tls|fs|fs\/promises|dns|dns\/promises|dgram|http|https|http2|worker_threads|child_process|cluster|os|process|timers|timers\/promises|sqlite))['"]/g

const RULES = {
  *'no-machine'({ path, text }, code) {
    if (!isPure(path) || !isCode(path)) return
    yield* matches(code, MACHINE_WORDS, ([word]) => `${word.trim()}: only net, store and app touch the machine`)
    for (const found of matches(
      text,
      MACHINE_MODULES,
      ([, name]) => `${name}: only net, store and app touch the machine`,
    ))
      if (code.startsWith('import', found.at)) yield found
  },
  *'no-test-code'({ path, text }, code) {
    if (!path.startsWith('src/') || isTest(path) || !isCode(path)) return
    for (const found of text.matchAll(/\bfrom\s*['"](\.[^'"]+)['"]/g))
      if (code.startsWith('from', found.index) && isTest(found[1]!))
        yield { at: found.index, why: `${found[1]} is for tests` }
  },
  *'erasable-syntax'({ path }, code) {
    if (!isCode(path)) return
    yield* matches(code, /(?<![\w$.])(?:const\s+)?enum\s+[A-Za-z_$]\w*\s*\{/g, () => 'no enum: a union of literals')
    yield* matches(code, /(?<![\w$.])(?:namespace|module)\s+[A-Za-z_$]\w*\s*\{/g, () => 'no namespace: a file is one')
    yield* matches(
      code,
      /constructor\s*\([^)]*(?<![\w$.])(?:public|private|protected|readonly)\s+\w/g,
      () => 'no parameter property: write the field',
    )
  },
  *'no-barrel'({ path }, code) {
    if (/(?:^|\/)index\.(?:ts|js|mjs)$/.test(path)) yield { at: 0, why: 'no barrel: import from the file itself' }
    if (isCode(path)) yield* matches(code, /\bexport\s*\*/g, () => 'no barrel: name what is exported')
  },
  *'no-shell'({ path, text }, code) {
    if (!isCode(path)) return
    yield* matches(code, /\bshell\s*:\s*true\b/g, () => 'no shell')
    const imported = /\bimport\s*\{[^}]*\b(?:exec|execSync)\b[^}]*\}\s*from\s*['"]node:child_process['"]/g
    for (const found of matches(text, imported, () => 'exec starts a shell: use spawn or execFile'))
      if (code.startsWith('import', found.at)) yield found
    yield* matches(code, /\b(?:child_process|childProcess|cp)\.(?:exec|execSync)\b/g, () => 'exec starts a shell')
  },
  *'kebab-case'({ path }) {
    if (
      !/^(?:src|test|tools|bench|bin|docs)\//.test(path) ||
      path.startsWith('test/vectors/') ||
      path.endsWith('/README.md') ||
      path === 'bench/RESULTS.md' // Written in capitals wherever it is cited.
    )
      return
    const bad = path
      .split('/')
      .find((part) => !/^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/.test(part))
    if (bad !== undefined) yield { at: 0, why: `${bad} is not kebab-case` }
  },
  *'no-machine-paths'({ path, text }) {
    if (path === 'package-lock.json') return
    yield* matches(
      text,
      /(?<![\w./~-])\/(?:work\/|root\/|home\/\w|Users\/\w)\S*/g,
      ([found]) => `${found}: a path of one machine`,
    )
  },
} satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES | 'limits-used' | 'known-numbers'
export const RULE_NAMES = Object.keys(RULES) as (keyof typeof RULES)[]

export function check(file: SourceFile): Problem[] {
  const { code } = isCode(file.path) ? scan(file.text) : { code: file.text }
  return RULE_NAMES.flatMap((rule) =>
    [...RULES[rule](file, code)].map(({ at, why }) => ({ rule, path: file.path, line: lineOf(file.text, at), why })),
  )
}

/** Every limit has a user, besides tests and the file itself. */
export function unusedLimits(files: readonly SourceFile[]): Problem[] {
  const path = 'src/model/limits.ts'
  const limits = files.find((file) => file.path === path)
  if (limits === undefined) return []
  const users = files.filter((file) => file.path.startsWith('src/') && file.path !== path && !isTest(file.path))
  const words = new Set(users.flatMap((file) => scan(file.text).code.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []))
  return [...limits.text.matchAll(/^export const ([A-Z0-9_]+)/gm)]
    .filter(([, name]) => !words.has(name!))
    .map((found) => ({
      rule: 'limits-used',
      path,
      line: lineOf(limits.text, found.index),
      why: `${found[1]} is obeyed nowhere`,
    }))
}

/** Every rule, fault or attempt that a comment cites by number (`D7`, `R13`, `S3`) stands in docs/rules.md. */
export function unknownNumbers(files: readonly SourceFile[]): Problem[] {
  const rules = files.find(({ path }) => path === 'docs/rules.md')?.text ?? ''
  const known = new Set(rules.match(/\b[DRS]\d+\b/g))
  return files
    .filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'))
    .flatMap(({ path, text }) =>
      scan(text).comments.flatMap((comment) =>
        [...comment.text.matchAll(/(?<![\w$`'".-])[DRS]\d{1,2}(?![\w$`'".-]*[\w$])/g)]
          .filter(([id]) => !known.has(id))
          .map((found) => ({
            rule: 'known-numbers' as const,
            path,
            line: lineOf(text, comment.start + found.index),
            why: `${found[0]} is not in docs/rules.md`,
          })),
      ),
    )
}

export function projectFiles(root: string): SourceFile[] {
  const text = /\.(?:ts|js|mjs|json|md|toml|yml|yaml|sh|txt|service)$|(?:^|\/)(?:run|LICENSE)$/
  return filesBelow(root, '.')
    .filter((path) => text.test(path))
    .map((path) => ({ path, text: read(root, path) }))
}

export const show = ({ path, line, rule, why }: Problem): string => `${path}:${line}: ${why} [${rule}]`

if (argv[1] === import.meta.filename) {
  const files = projectFiles(ROOT)
  const unused = unusedLimits(files)
  const problems = [...files.flatMap(check), ...unknownNumbers(files), ...(ALL_LIMITS_IN_USE ? unused : [])]
  for (const problem of problems) console.log(show(problem))
  if (argv.includes('--limits')) for (const problem of unused) console.log(show(problem))
  process.exitCode = problems.length > 0 ? 1 : 0
}
