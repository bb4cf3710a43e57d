/** One over each limit of METADATA, ACL and OBJECTID. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANNOTATION_NAME_MAX_OCTETS, ANNOTATION_VALUE_MAX_OCTETS, IMAP_SEARCH_IDS_MAX } from '../../src/model/limits.ts'
import { logIn, openImapStage, type Client } from './stage.ts'

async function signedIn(body: (client: Client) => Promise<void>): Promise<void> {
  const stage = await openImapStage()
  try {
    await body(await logIn(stage))
  } finally {
    await stage.stop()
  }
}

test('a value of an annotation, and its name', () =>
  signedIn(async (client) => {
    const set = (entry: string, octets: number) =>
      client.ask(`SETMETADATA INBOX (${entry} {${octets}+}\r\n${'x'.repeat(octets)})`)
    const [most, name] = [ANNOTATION_VALUE_MAX_OCTETS, `/private/${'n'.repeat(ANNOTATION_NAME_MAX_OCTETS - 9)}`]
    assert.deepEqual(await set('/private/comment', most), ['OK Setmetadata completed'])
    assert.deepEqual(await set('/private/comment', most + 1), [`NO [METADATA MAXSIZE ${most}] Value is too big`])
    assert.deepEqual(await set(name, 1), ['OK Setmetadata completed'])
    assert.match((await set(`${name}n`, 1))[0]!, /^NO \[LIMIT\]/)
    assert.match((await client.ask('GETMETADATA INBOX (MAXSIZE 5) /private/comment'))[0]!, /LONGENTRIES 16384/)
  }))

test('ids of one SEARCH', () =>
  signedIn(async (client) => {
    await client.ask('SELECT INBOX')
    const search = (count: number) =>
      client.ask(`SEARCH ${Array.from({ length: count }, (_, i) => `NOT EMAILID M${i + 1}`).join(' ')}`)
    assert.deepEqual(await search(IMAP_SEARCH_IDS_MAX), ['* SEARCH', 'OK Search completed'])
    assert.match((await search(IMAP_SEARCH_IDS_MAX + 1))[0]!, /^NO \[LIMIT\]/)
  }))
