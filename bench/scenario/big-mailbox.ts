import { openImap } from '../load/imap.ts'
import { fillInbox } from '../load/mailboxes.ts'
import { duration, median, timed, type Measured, type Scenario, type Timed } from '../scenario.ts'

const RARE_WORD = 'quicksilverfish'

const medianTime = (times: readonly Timed[]): Timed => ({
  seconds: median(times.map((time) => time.seconds)),
  cpuMs: median(times.map((time) => time.cpuMs)),
})

export const scenario: Scenario = {
  name: 'big-mailbox',
  about: 'one mailbox of 100,000 letters of 2 KiB, over TLS; CPU is of the whole command',
  rounds: 1,
  warmUp: false,
  async run(stage) {
    const { server } = stage
    const user = stage.user(50)
    const letters = stage.size(100_000, 10_000)
    const tenth = letters / 10
    const half = letters / 2
    const found: Measured[] = []
    await fillInbox(server, { user, letters, octets: 2048, rareWord: RARE_WORD })

    const client = await openImap(server.ports.imaps, user)
    const run = (command: string): Promise<Timed> => timed(server, () => client.command(command))
    const once = async (what: string, command: string): Promise<void> => {
      found.push(duration(what, await run(command)))
    }
    const thrice = async (what: string, ...commands: readonly [string, string, string]): Promise<void> => {
      const times: Timed[] = []
      for (const command of commands) times.push(await run(command))
      found.push(duration(what, medianTime(times)))
    }
    const same = (command: string): readonly [string, string, string] => [command, command, command]

    await once('SELECT, first', 'SELECT INBOX')
    await client.command('UNSELECT')
    const again: Timed[] = []
    for (let index = 0; index < 3; index++) {
      again.push(await run('SELECT INBOX'))
      await client.command('UNSELECT')
    }
    found.push(duration('SELECT, again', medianTime(again)))
    await client.command('SELECT INBOX')
    await thrice('FETCH 1:* (UID FLAGS)', ...same('FETCH 1:* (UID FLAGS)'))
    await once('FETCH 1:* ENVELOPE, first', 'FETCH 1:* ENVELOPE')
    await thrice('FETCH 1:* ENVELOPE, again', ...same('FETCH 1:* ENVELOPE'))
    await once('SEARCH TEXT of a rare word', `SEARCH TEXT ${RARE_WORD}`)
    await once('SORT (DATE), first', 'SORT (DATE) UTF-8 ALL')
    await thrice('SORT (DATE), again', ...same('SORT (DATE) UTF-8 ALL'))
    await once('SORT (SUBJECT), first', 'SORT (SUBJECT) UTF-8 ALL')
    await once('THREAD REFERENCES, first', 'THREAD REFERENCES UTF-8 ALL')
    await thrice('THREAD REFERENCES, again', ...same('THREAD REFERENCES UTF-8 ALL'))
    const [set, unset] = ['STORE 1:* +FLAGS (\\Flagged)', 'STORE 1:* -FLAGS (\\Flagged)']
    await thrice('STORE 1:* ±FLAGS', set, unset, set)
    await client.command('CREATE Copied')
    await client.command('CREATE Moved')
    await once('COPY of a tenth', `COPY 1:${tenth} Copied`)
    await once('MOVE of a tenth', `MOVE 1:${tenth} Moved`)
    await client.command(`STORE 1:${half} +FLAGS.SILENT (\\Deleted)`)
    await once('EXPUNGE of half', 'EXPUNGE')
    client.close()
    return found
  },
}
