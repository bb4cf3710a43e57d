import { freePort } from '../../test/interop/ports.ts'
import { startGavan } from './gavan.ts'
import { everyPortGreets, preparePeer } from './peer.ts'
import type { RunningServer, ServerName, StartOptions, User } from './server.ts'

/** What starts a server of a kind in a folder, as often as one likes; what is made once is made by then. Resolves at its first greetings. */
export async function freshServer(
  name: ServerName,
  options: { folder: string; users: readonly User[] },
): Promise<() => Promise<RunningServer>> {
  const all: StartOptions = { ...options, sinkPort: await freePort(), profileFolder: null }
  const start = name === 'gavan' ? () => startGavan(all) : await preparePeer(all)
  return async () => {
    const running = await start()
    await everyPortGreets(running.facts.ports)
    return running
  }
}
