/** What the interop suites share: a temporary folder, a gavan, and a view of its mailboxes that is none of the peers'. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ImapFlow } from 'imapflow'
import type { Gavan, User } from './gavan.ts'
import { run, until } from './run.ts'

export type Folder = Disposable & { readonly path: string }

export function temporaryFolder(name: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `gavan-${name}-`))
  chmodSync(path, 0o711) // Postfix and getmail go in as somebody else.
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

export type Letter = { readonly uid: number; readonly flags: ReadonlySet<string>; readonly source: string }

/** Does something in one mailbox over IMAPS. */
export async function withMailbox<T>(
  gavan: Gavan,
  user: User,
  mailbox: string,
  use: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const client = new ImapFlow({
    host: 'localhost',
    port: gavan.ports.imaps,
    secure: true,
    auth: { user: user.address, pass: user.password },
    tls: { ca: readFileSync(gavan.caFile, 'utf8') },
    logger: false,
  })
  await client.connect()
  try {
    await client.mailboxOpen(mailbox)
    return await use(client)
  } finally {
    await client.logout()
  }
}

/** All letters of a mailbox, in order. */
export const lettersOf = (gavan: Gavan, user: User, mailbox = 'INBOX'): Promise<Letter[]> =>
  withMailbox(gavan, user, mailbox, async (client) => {
    const letters: Letter[] = []
    if (client.mailbox !== false && client.mailbox.exists === 0) return letters
    for await (const message of client.fetch('1:*', { uid: true, flags: true, source: true }))
      letters.push({
        uid: message.uid,
        flags: message.flags ?? new Set(),
        source: message.source?.toString('utf8') ?? '',
      })
    return letters
  })

/** The letter whose source contains `text`, as soon as it is there. */
export const arrived = (gavan: Gavan, user: User, text: string, mailbox = 'INBOX'): Promise<Letter> =>
  until(`a letter with ${text} for ${user.address}`, async () => {
    const letters = await lettersOf(gavan, user, mailbox)
    return letters.find((letter) => letter.source.includes(text)) ?? null
  })

let serial = 0
/** A text that no other letter has. */
export const mark = (name: string): string => `mark-${name}-${process.pid}-${++serial}`

/** A small letter with CRLF, ready for DATA or APPEND. */
export const letter = (from: string, to: string, text: string): string =>
  [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: =?UTF-8?B?${Buffer.from(`Письмо ${text}`).toString('base64')}?=`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${text}@interop.test>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `Здравствуйте, ${text}`,
    '.a line with a dot',
    '',
  ].join('\r\n')

/** Puts a letter into a mailbox by way of the MX port, with swaks out of the picture. */
export async function deliver(gavan: Gavan, to: string, text: string): Promise<void> {
  const sent = await run(
    'curl',
    [
      ...['--silent', '--show-error', '--ssl', '--cacert', gavan.caFile],
      ...['--mail-from', 'friend@elsewhere.test', '--mail-rcpt', to, '--upload-file', '-'],
      `smtp://localhost:${gavan.ports.mx}/elsewhere.test`,
    ],
    { input: letter('friend@elsewhere.test', to, text) },
  )
  if (sent.code !== 0) throw new Error(sent.all)
}
