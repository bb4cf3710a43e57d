/** The thread that delivers from the queue to other servers. */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../std/assert.ts'
import { Secret } from '../std/secret.ts'
import { DRAIN_TIMEOUT_MS, OUT_BLOCK_TIMEOUT_MS } from '../model/limits.ts'
import { createDialler } from '../net/dial.ts'
import { createResolver } from '../net/resolver.ts'
import type { Route } from '../outbound/contract.ts'
import { createSigner } from './dkim-signer.ts'
import { watchLoad } from './load.ts'
import { watchLoop } from './machine.ts'
import type { PlainRoute, RelaySettings } from './settings.ts'
import type { FromThread, ToThread } from './supervise.ts'
import { openThread } from './thread-parts.ts'
import { wireRelay } from './wire.ts'

const port = parentPort
assert(port !== null, 'the relay thread is started by the main thread')
const settings = workerData as RelaySettings
const tell = (message: FromThread): void => port.postMessage(message)

function withSecret(route: PlainRoute): Route {
  if (route.kind !== 'host') return route
  const { credentials } = route
  const secret = credentials === null ? null : { ...credentials, password: new Secret(credentials.password) }
  return { ...route, credentials: secret }
}

async function run(): Promise<void> {
  const { parts, core, snapshot, setLogLevel, close } = await openThread(settings)
  const { clock, random, log, metrics } = parts
  // The relay opens its connections itself: only its event loop can be too slow.
  watchLoad({ thread: 'relay', open: () => 0, connectionsMax: 1, loop: watchLoop(), clock, log, metrics })
  const { hostname, sandbox, ownAddresses, loopbackIsForeign, routes } = settings
  const resolver = createResolver({ clock, random, ...settings.resolver })
  const relay = wireRelay(parts, core, {
    hostname,
    dialler: createDialler({ clock, random, limits: { writeTimeoutMs: OUT_BLOCK_TIMEOUT_MS } }),
    resolver,
    // In `try` nothing is published, and what leaves stays here.
    signer: createSigner({ dataDir: settings.dataDir, clock, log, resolver: sandbox === null ? resolver : null }),
    ourselves: { hostname, names: [hostname], addresses: ownAddresses, loopbackIsForeign },
    routes: {
      byDomain: new Map([...routes.byDomain].map(([domain, route]) => [domain, withSecret(route)])),
      otherwise: withSecret(routes.otherwise),
    },
    sandbox,
  })
  await relay.start()
  port?.on('message', (message: ToThread) => {
    if (message.do === 'drain') finish().catch(fail)
    else if (message.do === 'tell-metrics') tell({ at: 'metrics', snapshot: snapshot(), seen: [] })
    else if (message.do === 'use-log-level') {
      setLogLevel(message.level)
      tell({ at: 'used', number: message.number, problem: null })
    }
  })
  flushCompileCache()
  tell({ at: 'ready', ports: [] })

  async function finish(): Promise<void> {
    await relay.stop({ drainMs: DRAIN_TIMEOUT_MS / 2 })
    await close()
    process.exit()
  }
}

function fail(error: unknown): void {
  tell({ at: 'cannot-start', message: error instanceof Error ? error.message : String(error) })
  throw error
}

run().catch(fail)
