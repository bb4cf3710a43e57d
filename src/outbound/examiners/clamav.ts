import type { Examined, Examiner } from '../../core/screening/contract.ts'
import { ConnectionLost, type Endpoint } from '../../model/connection.ts'
import { EXAMINERS_TIMEOUT_MS } from '../../model/limits.ts'
import { reply } from '../../model/reply.ts'
import type { Dialler } from '../../net/contract.ts'
import { call, type Call } from './call.ts'
import { octetsOf, printable } from './octets.ts'

const NAME_MAX_CHARACTERS = 100

/** clamd(8), INSTREAM: lengths of 32 bits in network order before each chunk, 0 at the end. */
function lengthOf(count: number): Uint8Array {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(count)
  return octets
}

/** Asks ClamAV's daemon about each letter, on a connection of its own. Infected letters are refused. */
export function createClamav(options: { dialler: Dialler; endpoint: Endpoint }): Examiner {
  const { dialler, endpoint } = options
  return {
    name: 'clamav',
    examine: (letter, signal) =>
      call({ dialler, endpoint, timeoutMs: EXAMINERS_TIMEOUT_MS, signal }, async ({ connection, answer }) => {
        // It may say its word and hang up before the end, once a letter is longer than it takes: heard while we write.
        const said = wordOf(answer)
        said.catch(() => {}) // Awaited below.
        try {
          await connection.write('zINSTREAM\0')
          for await (const chunk of octetsOf(letter)) {
            await connection.write(lengthOf(chunk.length))
            await connection.write(chunk)
          }
          await connection.write(lengthOf(0))
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error
        }
        return judge(await said)
      }),
  }
}

async function wordOf(answer: Call['answer']): Promise<string> {
  const said = await answer((text) => text.includes(0))
  const end = said.indexOf(0)
  return said.toString('latin1', 0, end === -1 ? said.length : end)
}

/** @param said e.g. `stream: OK`, `stream: Eicar-Test-Signature FOUND`. @throws Error for what is no verdict */
function judge(said: string): Examined {
  if (said === 'stream: OK') return { findings: [], refused: null }
  if (said.startsWith('INSTREAM size limit exceeded')) {
    // Choice: it is taken. Large letters are common, and junk and malware are small.
    const says = 'the letter is longer than StreamMaxLength of clamd: not looked at'
    return { findings: [{ by: 'clamav', points: 0, says }], refused: null }
  }
  const name = /^stream: (.+) FOUND$/.exec(said)?.[1]
  if (name === undefined) throw new Error(`clamd says: ${printable(said, NAME_MAX_CHARACTERS)}`)
  const found = printable(name, NAME_MAX_CHARACTERS)
  return {
    findings: [{ by: 'clamav', points: 0, says: `${found} is in the letter` }],
    refused: reply(550, '5.7.1', `This letter holds malware: ${found}`),
  }
}
