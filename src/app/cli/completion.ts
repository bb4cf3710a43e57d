/** `gavan completion bash|zsh|fish`: what can be typed next, from the tree of commands itself. */
import { Argument, Command, type Help } from 'commander'
import { print } from './output.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('a script for the shell that completes commands and options')
    .addArgument(new Argument('<shell>', SHELLS.join(', ')).choices(SHELLS))
    .addHelpText('after', () => HINTS)
    .action((shell: Shell) => print(SCRIPTS[shell](placesOf(program))))
}

const HINTS = `
  bash  gavan completion bash > /etc/bash_completion.d/gavan
  zsh   gavan completion zsh > /etc/zsh/gavan-completion, and in ~/.zshrc: source /etc/zsh/gavan-completion
  fish  gavan completion fish > ~/.config/fish/completions/gavan.fish`

type Word = { readonly word: string; readonly about: string }
/** Where the cursor is: after these commands. */
type Place = {
  readonly path: readonly string[]
  readonly commands: readonly Word[]
  readonly options: readonly Word[]
  /** Of its first argument, where it can be one of a few only. */
  readonly choices: readonly string[]
  /** Of options that take one of a few values. */
  readonly values: Readonly<Record<string, readonly string[]>>
}

export function placesOf(command: Command, path: readonly string[] = [], more: readonly Word[] = []): Place[] {
  const help: Help = command.createHelp()
  const own = help.visibleOptions(command)
  const options = [
    ...own.map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description })),
    ...more,
  ]
  const commands = help.visibleCommands(command)
  const values = Object.fromEntries(
    own.flatMap(({ long, argChoices }) => (long !== undefined && argChoices !== undefined ? [[long, argChoices]] : [])),
  )
  const place: Place = {
    path,
    commands: commands.map((each) => ({ word: each.name(), about: each.description() })),
    options,
    choices: command.registeredArguments[0]?.argChoices ?? [],
    values,
  }
  const below = commands.filter((each) => each.name() !== 'help')
  return [place, ...below.flatMap((each) => placesOf(each, [...path, each.name()], globals(path, options)))]
}

/** Those of the program itself hold everywhere. */
const globals = (path: readonly string[], options: readonly Word[]): readonly Word[] =>
  options.filter(({ word }) => path.length === 0 && word === '--config')

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: (places) => `autoload -U +X bashcompinit && bashcompinit\n${bashScript(places)}`,
  fish: fishScript,
}

function bashScript(places: readonly Place[]): string {
  const keyOf = (path: readonly string[]): string => `'${path.join(' ')}'`
  const cases = places.map(({ path, commands, options, choices }) => {
    const words = [...commands, ...options].map(({ word }) => word)
    return `    ${keyOf(path)}) words='${[...words, ...choices].join(' ')}' ;;`
  })
  const paths = places.filter(({ path }) => path.length > 0).map(({ path }) => keyOf(path))
  const valued = places.flatMap(({ path, values }) =>
    Object.entries(values).map(
      ([option, list]) => `    '${[...path, option].join(' ')}') words='${list.join(' ')}' ;;`,
    ),
  )
  return `# gavan completion bash
_gavan() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${path:+$path }$word" in
    ${paths.join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "\${path:+$path }$prev" in
${valued.join('\n')}
  esac
  if [ "$prev" = --config ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    return
  fi
  [ -n "$words" ] || case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _gavan gavan`
}

function fishScript(places: readonly Place[]): string {
  const quote = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
  const lines = places.flatMap(({ path, commands, options, choices, values }) => {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
    const none =
      commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.map(({ word }) => word).join(' ')}`]
    const here = [...seen, ...none].join('; and ')
    const when = here === '' ? '' : ` -n ${quote(here)}`
    return [
      ...[...commands, ...choices.map((word) => ({ word, about: '' }))].map(
        ({ word, about }) => `complete -c gavan -f${when} -a ${quote(word)} -d ${quote(about)}`,
      ),
      ...options
        .filter(({ word }) => word.startsWith('--'))
        .map(({ word, about }) => {
          const list = values[word] === undefined ? '' : ` -x -a ${quote(values[word].join(' '))}`
          return `complete -c gavan${when} -l ${word.slice(2)}${list} -d ${quote(about)}`
        }),
    ]
  })
  return ['# gavan completion fish', ...lines].join('\n')
}
