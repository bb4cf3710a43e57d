/** Carries out the steps. One that fails takes back what this run made, newest first, and says what stays. */
import { chmod, chown, mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensureDkimKeys } from '../dkim-keys.ts'
import { keepFile } from '../keep-file.ts'
import type { FirstSignIn, MadeRecord, Places, Step } from './contract.ts'
import { UNIT, USER } from './places.ts'
import { firstWords, lastWords, type Owner, type Ran, type RunProgram } from './programs.ts'

export type Hands = {
  readonly places: Places
  readonly run: RunProgram
  /** Of the user gavan; null: there is none, or not on this machine. */
  readonly owner: () => Promise<Owner | null>
  /** This program as the user gavan, with the configuration in place. */
  readonly gavan: (args: readonly string[], input?: string) => Promise<Ran>
  readonly dataDir: string
  readonly makePassword: () => string
  readonly log: (line: string) => void
  /** Told before each step. */
  readonly done: (step: Step) => void
}

export type Outcome =
  | {
      readonly at: 'done'
      readonly made: MadeRecord
      /** Of the first account; null: it was there. To be shown once and never kept. */
      readonly first: FirstSignIn | null
      /** Why the service did not start; null: it did, or there is nothing to start it with. */
      readonly notStarted: string | null
    }
  | {
      readonly at: 'failed'
      readonly step: Step
      readonly cause: string
      /** Paths and other things of this run that could not be taken back. */
      readonly left: readonly string[]
    }

type Undo = { readonly what: string; readonly run: () => Promise<void> }

export async function applySteps(steps: readonly Step[], earlier: MadeRecord, hands: Hands): Promise<Outcome> {
  const undo: Undo[] = []
  let first: FirstSignIn | null = null
  let notStarted: string | null = null
  const made = { user: earlier.user, unit: earlier.unit, stopped: [...earlier.stopped] }
  for (const step of steps) {
    hands.log(`begin ${step.do}`)
    try {
      switch (step.do) {
        case 'make-user':
          await makeUser(hands, undo)
          made.user = true
          break
        case 'make-directory':
          await makeDirectory(step, hands, undo)
          break
        case 'write-file':
          await writeFile(step, hands, undo)
          if (step.what === 'unit') made.unit = true
          break
        case 'make-keys':
          await makeKeys(step.domain, hands, undo)
          break
        case 'make-account':
          first = await makeAccount(step.address, hands)
          break
        case 'stop-other':
          await must(hands, 'systemctl', ['disable', '--now', step.unit])
          made.stopped.push(step.unit)
          undo.push({
            what: step.unit,
            run: () => must(hands, 'systemctl', ['enable', '--now', step.unit]),
          })
          break
        case 'start':
          notStarted = await start(step.restart, hands)
          break
      }
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      hands.log(`failed ${step.do}: ${cause}`)
      return { at: 'failed', step, cause, left: await takeBack(undo, hands) }
    }
    hands.log(`done ${step.do}`)
    hands.done(step)
  }
  return { at: 'done', made, first, notStarted }
}

async function takeBack(undo: readonly Undo[], hands: Hands): Promise<string[]> {
  const left: string[] = []
  for (const { what, run } of undo.toReversed()) {
    try {
      await run()
      hands.log(`taken back: ${what}`)
    } catch (error) {
      hands.log(`left: ${what}: ${String(error)}`)
      left.push(what)
    }
  }
  return left
}

/** @throws when it does not end well, with its last words */
async function must({ run }: Hands, program: string, args: readonly string[]): Promise<void> {
  const ran = await run(program, args)
  if (ran.code !== 0) throw new Error(`${program} ${args.join(' ')}: ${lastWords(ran) || `ended with ${ran.code}`}`)
}

async function makeUser(hands: Hands, undo: Undo[]): Promise<void> {
  const { places } = hands
  const settings = ['--home-dir', places.dataDir, '--no-create-home', '--shell', '/usr/sbin/nologin', '--user-group']
  await must(hands, 'useradd', ['--system', ...settings, '--comment', 'gavan mail server', USER])
  undo.push({ what: `user ${USER}`, run: () => must(hands, 'userdel', [USER]) })
}

/** Above it, folders of the system; itself with the mode and owner it is to have. */
async function makeDirectory(
  { path, mode, owner: kind }: Extract<Step, { do: 'make-directory' }>,
  hands: Hands,
  undo: Undo[],
): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first !== undefined) undo.push({ what: path, run: () => removeEmptyUpTo(path, first) })
  const owner = await hands.owner()
  await chmod(path, mode)
  if (owner !== null) await chown(path, kind === 'gavan' ? owner.uid : 0, owner.gid)
}

/** What is in there by then was made by the steps after it, or by the server: the store, the first account. */
async function removeEmptyUpTo(path: string, first: string): Promise<void> {
  await rm(path, { recursive: true })
  if (path === first) return
  for (let at = dirname(path); at.startsWith(first); at = dirname(at)) await rmdir(at)
}

async function writeFile(step: Extract<Step, { do: 'write-file' }>, hands: Hands, undo: Undo[]): Promise<void> {
  const { path, before, after } = step
  const there = before === null ? null : await stat(path)
  const gavan = await hands.owner()
  const fresh = step.owner === 'group' && gavan !== null ? { uid: 0, gid: gavan.gid } : undefined
  const how =
    there === null
      ? { mode: step.mode, owner: fresh }
      : { mode: there.mode & 0o7777, owner: { uid: there.uid, gid: there.gid } }
  const first = before === null ? await mkdir(dirname(path), { recursive: true }) : undefined
  if (first !== undefined) undo.push({ what: dirname(path), run: () => removeEmptyUpTo(dirname(path), first) })
  await keepFile(path, after, how)
  undo.push({ what: path, run: () => (before === null ? rm(path) : keepFile(path, before, how)) })
}

async function makeKeys(domain: string, hands: Hands, undo: Undo[]): Promise<void> {
  const owner = (await hands.owner()) ?? undefined
  const base = join(hands.dataDir, 'dkim')
  const folder = join(base, domain)
  const first = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (first !== undefined) undo.push({ what: folder, run: () => rm(folder, { recursive: true }) })
  if (owner !== undefined) for (const path of [base, folder]) await chown(path, owner.uid, owner.gid)
  await ensureDkimKeys(hands.dataDir, domain, owner)
}

/** By this program as the user gavan, so that no file of the store is root's. A password goes by a pipe. */
async function makeAccount(address: string, { gavan, makePassword }: Hands): Promise<FirstSignIn | null> {
  await gavan(['domain', 'add', address.slice(address.lastIndexOf('@') + 1)]) // A running server may not know it yet.
  const invited = await gavan(['user', 'invite', address, '--json'])
  if (invited.code === 0) {
    const { link, expiresAt } = JSON.parse(invited.stdout) as { link: string; expiresAt: string }
    return { by: 'link', link, expiresAt }
  }
  // Of an earlier setup, whose settings were removed and whose mail was not.
  const list = await gavan(['user', 'list', '--json'])
  if (list.code === 0 && hasUser(list.stdout, address)) return null
  const password = makePassword() // With 443 off a link leads nowhere.
  const ran = await gavan(['user', 'add', address, '--password-stdin'], `${password}\n`)
  if (ran.code !== 0) throw new Error(firstWords(ran))
  return { by: 'password', password }
}

function hasUser(json: string, address: string): boolean {
  const { users } = JSON.parse(json) as { users: { address: string }[] }
  return users.some((user) => user.address === address)
}

/** A service that does not start is no reason to take everything back: a port may be held, and that is told. */
async function start(restart: boolean, { run }: Hands): Promise<string | null> {
  await run('systemctl', ['daemon-reload'])
  const ran = await (restart ? run('systemctl', ['restart', UNIT]) : run('systemctl', ['enable', '--now', UNIT]))
  return ran.code === 0 ? null : lastWords(ran)
}
