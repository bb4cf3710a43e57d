/** `gavan setup`: looks around, asks, shows the plan, applies it, tells what is left to do elsewhere. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { languageOf } from '../language.ts'
import { completeAnswers, readHostname, readPublic, type AnswerProblem } from '../setup/answers.ts'
import type { Outcome } from '../setup/apply.ts'
import { lookAround } from '../setup/around.ts'
import type { Answers, Around, GivenAnswers } from '../setup/contract.ts'
import { carryOut, outerAddresses, prepareSetup, type Prepared } from '../setup/engine.ts'
import { placesBelow } from '../setup/places.ts'
import { readEarlier, type Earlier } from '../setup/session.ts'
import { answersOf } from '../setup/settings-file.ts'
import { aroundLines, bareStep, planLines, printRest, restOf } from '../setup/tell.ts'
import type { SetupWords } from '../setup/words/contract.ts'
import { holderName } from '../setup/words/shapes.ts'
import { SETUP_WORDS } from '../setup/words/words.ts'
import { CliError, EXIT, print, say } from './output.ts'
import { confirmed, mayChange, type Setting, type SetupFlags } from './setup-common.ts'
import { askQuestions, openTerminal } from './setup-dialogue.ts'
import { runRemove } from './setup-remove.ts'
import { askPorts, keysUnread } from './site.ts'

/** @throws CliError */
export async function runSetup(host: string | undefined, flags: SetupFlags, command: Command): Promise<void> {
  if (command.optsWithGlobals()['config'] !== undefined)
    throw new CliError(EXIT.usage, 'setup writes /etc/gavan/gavan.toml; --config is not for it', null)
  const language = flags.lang ?? languageOf(process.env)
  const places = placesBelow(flags.root === undefined ? null : resolve(flags.root))
  const words = SETUP_WORDS[language]
  if (flags.web !== undefined) {
    const given = givenOf(host, flags)
    refuseWrong(given, words)
    const { runSetupPage } = await import('./setup-page.ts')
    return runSetupPage(given, { flags, places, language, words, terminal: null })
  }
  using terminal = flags.input ? openTerminal() : null
  const setting = { flags, places, language, words, terminal }
  await (flags.remove === true ? runRemove(setting) : runApply(host, setting))
}

async function runApply(host: string | undefined, setting: Setting): Promise<void> {
  const { flags, places, words } = setting
  const given = givenOf(host, flags)
  refuseWrong(given, words)
  mayChange(setting)
  const earlier = await readEarlier(places)
  const answersBefore = earlier === null ? {} : answersOf(earlier.config)
  const hostname = must(readHostname(given.hostname ?? answersBefore.hostname ?? ''), words)

  print(words.looking)
  const running = earlier === null || !places.wholeSystem ? null : await askPorts(earlier.config)
  const around = await lookAround(places, running === null || running === 'not-allowed' ? null : running.pid)
  const outer = await outerAddresses(
    hostname,
    given.publicAddresses ?? answersBefore.publicAddresses ?? [],
    around,
    places,
  )
  printAll(aroundLines(around, outer, setting))
  if (earlier !== null) print(words.earlier(places.config))

  const holder = around.held.get(80) ?? null
  if (holder === null && given.port80 !== undefined) print(words.onePort80)
  const asked = { ...given, hostname, publicAddresses: outer }
  const answered =
    setting.terminal === null
      ? completeAnswers(asked, answersBefore, holder !== null)
      : await askQuestions(setting.terminal, {
          hostname,
          given: asked,
          earlier: answersBefore,
          holder: holder === null ? null : holderName(holder),
          words,
        })
  if (answered === null) throw new CliError(EXIT.cancelled, words.cancelled, null)
  await carryOutHere(must(answered, words), around, earlier, setting)
}

// Before anything is asked ----------------------------------------------------------------------------------------------

function givenOf(host: string | undefined, flags: SetupFlags): GivenAnswers {
  const { domain, first, clients, port80, public: publicAddresses } = flags
  return { hostname: host, domain, first, clients, port80, publicAddresses }
}

/** What a flag says and cannot be is told before anything else. */
function refuseWrong(given: GivenAnswers, words: SetupWords): void {
  if (given.hostname !== undefined) must(completeAnswers(given, {}, true), words)
  if (given.publicAddresses !== undefined) must(readPublic(given.publicAddresses), words)
}

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AnswerProblem },
  words: SetupWords,
): T {
  if (result.ok) return result.value
  const { error } = result
  throw new CliError(EXIT.badConfig, words.problem(error), words.problemFix(error))
}

// The plan, and the work --------------------------------------------------------------------------------------------------

async function carryOutHere(
  answers: Answers,
  around: Around,
  earlier: Earlier | null,
  setting: Setting,
): Promise<void> {
  const { words, flags } = setting
  const prepared = await prepareSetup(answers, around, earlier, setting)
  printAll(['', ...planLines(prepared, setting)])
  if (flags.dryRun === true) return print(words.dryRun)
  if (prepared.steps.length > 0 && !(await confirmed('apply', setting)))
    throw new CliError(EXIT.cancelled, words.cancelled, null)
  const outcome = prepared.steps.length === 0 ? null : await applied(prepared, setting)
  printAll(printRest(await restOf(prepared, outcome, setting, keysUnread), setting))
}

async function applied(prepared: Prepared, setting: Setting): Promise<Extract<Outcome, { at: 'done' }>> {
  const { places, words } = setting
  print('')
  const outcome = await carryOut(prepared, setting, (step) => print(`✓ ${words.done(step)}`))
  if (outcome.at === 'done') return outcome
  say(words.takenBack)
  for (const left of outcome.left) say(words.left(left))
  say(words.logAt(places.log))
  throw new CliError(EXIT.failed, words.failed(bareStep(outcome.step, words), outcome.cause), null)
}

const printAll = (lines: readonly string[]): void => lines.forEach((line) => print(line))
