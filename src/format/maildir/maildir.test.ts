import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeUtf7, encodeUtf7 } from '../../protocol/imap/mailbox-name.ts'
import { parseKeywordFile, parseMaildirName, parseUidList, printMaildirName } from './file-name.ts'
import { folderOf, mailboxOf } from './folder.ts'

const codec = { encode: encodeUtf7, decode: decodeUtf7 }

test('flags in file names, keywords by Dovecot’s letters', () => {
  const keywords = parseKeywordFile('0 Work\n1 $Label1\nnonsense\n')
  const known: readonly [string, string, string[]][] = [
    ['1.a.host:2,FS', '1.a.host', ['\\Flagged', '\\Seen']],
    [
      '1.a.host,S=12:2,DPRTab',
      '1.a.host,S=12',
      ['\\Draft', '$Forwarded', '\\Answered', '\\Deleted', 'Work', '$Label1'],
    ],
    ['1.a.host;2,S', '1.a.host', ['\\Seen']],
    ['1.a.host', '1.a.host', []],
    ['1.a.host:2,', '1.a.host', []],
    ['1.a.host:2,Zz', '1.a.host', []],
  ]
  for (const [name, base, flags] of known) assert.deepEqual(parseMaildirName(name, keywords), { base, flags })
  const letters = new Map([['Work', 'a']])
  assert.equal(printMaildirName('1.a', ['\\Seen', 'Work', 'other', '\\Draft'], letters), '1.a:2,DSa')
})

test('the order of Dovecot’s list', () => {
  assert.deepEqual(parseUidList('3 V1 N4 Gx\n3 W1 :c,S=1\n1 :a:2,S\n2 :b\n'), ['a', 'b', 'c,S=1'])
})

test('folders', () => {
  const known: readonly [string, string][] = [
    ['Sent', '.Sent'],
    ['Sent/2024', '.Sent.2024'],
    ['Архив/Новые', '.&BBAEQARFBDgEMg-.&BB0EPgQyBEsENQ-'],
    ['v1.0/a&b', '.v1&AC4-0.a&-b'],
    ['..', '.&AC4-&AC4-'],
    ['й.й', '.&BDk-&AC4-&BDk-'],
  ]
  for (const [mailbox, folder] of known) {
    assert.equal(folderOf(mailbox, codec), folder)
    assert.equal(mailboxOf(folder, codec), mailbox)
  }
  assert.equal(mailboxOf('.Почта', codec), 'Почта')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      assert.equal(mailboxOf(folderOf(name, codec), codec), name)
    }),
  )
})
