/** Extensions of IMAP over TLS, by Python's imaplib. */
import { join } from 'node:path'
import { after, before } from 'node:test'
import { ranWell } from './clients.ts'
import { startGavan, type Gavan } from './gavan.ts'
import { peerTest } from './peers.ts'
import { temporaryFolder, type Folder } from './world.ts'

let folder: Folder
let gavan: Gavan

before(async () => {
  folder = temporaryFolder('imap-extensions')
  gavan = await startGavan({
    folder: folder.path,
    users: ['alice', 'boris'].map((name) => ({ address: `${name}@gavan.test`, password: `${name} pass\\word 41` })),
  })
})
after(async () => {
  await gavan?.[Symbol.asyncDispose]()
  folder?.[Symbol.dispose]()
})

peerTest(
  ['python3'],
  'imaplib with zlib: COMPRESS, IDLE and NOTIFY under it, UNAUTHENTICATE; CATENATE, URLAUTH, BURL, REPLACE',
  async () => {
    const script = join(import.meta.dirname, 'python/imap_extensions.py')
    await ranWell('python3', [script], { input: JSON.stringify(gavan.ready) })
  },
)
