import { openImap } from '../load/imap.ts'
import { fillInbox } from '../load/mailboxes.ts'
import { listed, openPop3 } from '../load/pop3.ts'
import { duration, rate, timed, type Scenario } from '../scenario.ts'

/** Commands on the way at once: well within what the server's socket holds. */
const WINDOW = 50

export const scenario: Scenario = {
  name: 'reading',
  about:
    'a mailbox of 20,000 letters of 4 KiB over TLS: all bodies by IMAP (after one that is not counted), and by POP3',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const { server } = stage
    const user = stage.user(51)
    const letters = stage.size(20_000, 2_000)
    await fillInbox(server, { user, letters, octets: 4096 })

    const imap = await openImap(server.ports.imaps, user)
    await imap.command('SELECT INBOX')
    if (stage.round === 0) await imap.command('FETCH 1:* BODY.PEEK[]')
    let octets = 0
    const bodies = await timed(server, async () => {
      octets = (await imap.command('FETCH 1:* BODY.PEEK[]')).octets
    })
    imap.close()

    const login = await timed(server, async () => {
      const wire = await openPop3(server.ports.pop3s, user)
      wire.write('UIDL\r\n')
      await listed(wire)
      wire.close()
    })

    const pop = await openPop3(server.ports.pop3s, user)
    const some = Math.floor(letters / 4)
    const single = await timed(server, async () => {
      for (let number = 1; number <= some; number++) {
        pop.write(`RETR ${number}\r\n`)
        await listed(pop)
      }
    })
    const pipelined = await timed(server, async () => {
      for (let number = 1; number <= letters; number += WINDOW) {
        const count = Math.min(WINDOW, letters - number + 1)
        pop.write(Array.from({ length: count }, (_, index) => `RETR ${number + index}\r\n`).join(''))
        for (let index = 0; index < count; index++) await listed(pop)
      }
    })
    pop.close()
    return [
      { ...rate('FETCH 1:* BODY.PEEK[], again', letters, bodies), value: octets / 1e6 / bodies.seconds, unit: 'MB/s' },
      duration('POP3 login and UIDL', login),
      rate('POP3 RETR one at a time', some, single),
      rate('POP3 RETR pipelined', letters, pipelined),
    ]
  },
}
