import { Command, CommanderError } from 'commander'
import { EXIT, print, printJson, reportFailure } from './output.ts'
import { VERSION } from '../version.ts'

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

/** Each command loads what it needs and no more: `gavan --help` opens no store. */
async function build(): Promise<Command> {
  const program = new Command('gavan')
  program
    .description('a complete mail server, with every port in order')
    .version(VERSION)
    .option('--config <file>', 'configuration file (GAVAN_CONFIG, /etc/gavan/gavan.toml)')
    .showHelpAfterError('(gavan --help shows the commands)')

  program
    .command('try')
    .description('a whole server on loopback: no DNS, no root, nothing leaves this computer')
    .option('--json', 'one line of JSON once every port accepts, instead of the screen')
    .option('--data <dir>', 'where its data is kept')
    .option('--domain <domain>', 'the domain of its people', 'demo.test')
    .option('--users <file>', 'lines "address password" instead of two demo people')
    .option('--route <domain=host:port>', 'mail for this domain goes to that host, not to the sandbox', collect, [])
    .option('--offset <n>', 'added to every standard port', '2000')
    .option('--no-pop3', 'without POP3')
    .option('--sieve', 'with ManageSieve, for editors of filters')
    .option('--reset', 'start over with an empty data folder')
    .option('--workers <n>', 'threads that serve connections')
    .option('--metrics <port>', 'numbers for Prometheus on this port of 127.0.0.1, at /metrics')
    .option('--log-level <level>', 'debug, info, warn or error')
    .action(async (flags) => {
      const { runTry } = await import('../try/try.ts')
      await runTry(flags)
    })

  program
    .command('serve')
    .description('run the server in the foreground')
    .action(async (_options: unknown, command: Command) => {
      const { runServe } = await import('./serve.ts')
      await runServe(command)
    })

  program
    .command('reload')
    .description('the running server reads its configuration again, without a restart; connections go on')
    .option('--json', 'machine-readable')
    .action(async (_options: unknown, command: Command) => {
      const { runReload } = await import('./reload.ts')
      await runReload(command)
    })

  program
    .command('healthz')
    .description('exit 0 when the running server answers')
    .option('--json', 'machine-readable')
    .action(async (options: { json?: true }, command: Command) => {
      const { askHealth } = await import('./admin.ts')
      const health = await askHealth(command)
      if (options.json === true) printJson(health)
      else print('The server answers.')
    })

  const { configCommand } = await import('./config.ts')
  program.addCommand(configCommand())
  const nouns = await import('./nouns.ts')
  const withAdmin: Parameters<typeof nouns.domainCommand>[0] = async (command, use) => {
    const admin = await import('./admin.ts')
    return admin.withAdmin(command, use)
  }
  program.addCommand(nouns.domainCommand(withAdmin))
  program.addCommand(nouns.userCommand(withAdmin))
  program.addCommand(nouns.aliasCommand(withAdmin))
  const { queueCommand } = await import('./queue.ts')
  program.addCommand(queueCommand(withAdmin))
  const { banCommand } = await import('./ban.ts')
  program.addCommand(banCommand(withAdmin))
  const { certCommand } = await import('./cert.ts')
  program.addCommand(certCommand(withAdmin))
  const { dkimCommand } = await import('./dkim.ts')
  program.addCommand(dkimCommand(withAdmin))
  const { traceCommand } = await import('./trace.ts')
  program.addCommand(
    traceCommand(async (command) => {
      const { configPath, readConfig } = await import('./config.ts')
      return (await readConfig(configPath(command))).dataDir
    }),
  )
  const { indexCommand } = await import('./index-command.ts')
  program.addCommand(indexCommand(withAdmin))
  const { junkCommand } = await import('./junk-command.ts')
  program.addCommand(junkCommand(withAdmin))
  const { portCommands } = await import('./port-commands.ts')
  for (const command of portCommands()) program.addCommand(command)
  const { setCommand } = await import('./set-command.ts')
  program.addCommand(setCommand())
  const { dataCommands } = await import('./data-commands.ts')
  for (const command of dataCommands()) program.addCommand(command)
  const { sieveCommand } = await import('./sieve-command.ts')
  program.addCommand(sieveCommand())
  const { completionCommand } = await import('./completion.ts')
  program.addCommand(completionCommand(program))
  return program
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) throwInsteadOfExit(child)
}

/** Runs one command. The exit code is left in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  // `gavan ports | head`: who reads no further has what they wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
  )
  try {
    const program = await build()
    throwInsteadOfExit(program)
    await program.parseAsync([...argv])
  } catch (error) {
    // Commander has said what it had to say; its usage errors are ours by number.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    else process.exitCode = reportFailure(error, argv.includes('--json'))
  }
}
