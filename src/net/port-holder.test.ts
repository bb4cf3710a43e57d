import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { portHolder } from './port-holder.ts'

test(
  'names the process that listens on a port, and nobody once it has closed',
  { skip: process.platform !== 'linux' },
  async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.equal((await portHolder(port))?.pid, process.pid)
    server.close()
    await once(server, 'close')
    assert.equal(await portHolder(port), null)
  },
)
