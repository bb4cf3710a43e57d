/** Real mail clients, set up for one of gavan's people. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Gavan, User } from './gavan.ts'
import { run, type Ran } from './run.ts'

/** A file that only its owner reads, as clients ask of files with passwords. */
export function secretFile(folder: string, name: string, lines: readonly string[]): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  chmodSync(path, 0o600)
  return path
}

/** @throws with all that it said, unless it ended well */
export async function ranWell(
  program: string,
  args: readonly string[],
  options?: Parameters<typeof run>[2],
): Promise<Ran> {
  const ran = await run(program, args, options)
  if (ran.code !== 0) throw new Error(`${program} ended with ${ran.code}\n${ran.all}`)
  return ran
}

/** What a client needs to know of one. */
export type Server = Pick<Gavan, 'ports' | 'caFile'>

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
/** fetchmail's strings know escapes, but not of their quote. */
function inSomeQuotes(text: string): string {
  const quote = text.includes('"') ? "'" : '"'
  return `${quote}${text.replaceAll('\\', '\\\\')}${quote}`
}

// mbsync ---------------------------------------------------------------------------------------------------------------

export type MaildirLetter = { readonly path: string; readonly flags: string; readonly source: string }
export type Mirror = {
  readonly folder: string
  readonly said: string
  mailboxes(): string[]
  letters(mailbox: string): MaildirLetter[]
}

export function maildirLetters(path: string): MaildirLetter[] {
  return ['new', 'cur'].flatMap((part) =>
    existsSync(join(path, part))
      ? readdirSync(join(path, part)).map((name) => ({
          path: join(path, part, name),
          flags: /:2,([A-Z]*)$/.exec(name)?.[1] ?? '',
          source: readFileSync(join(path, part, name), 'utf8'),
        }))
      : [],
  )
}

/**
 * Synchronizes all mailboxes with a Maildir tree, both ways.
 * @param folder kept between calls: it holds mbsync's state and the tree
 */
export async function mbsync(
  gavan: Server,
  user: User,
  folder: string,
  options: { tls?: 'starttls' | 'implicit'; auth?: string } = {},
): Promise<Mirror> {
  const tree = join(folder, 'mail')
  mkdirSync(tree, { recursive: true })
  const implicit = options.tls === 'implicit'
  const config = secretFile(folder, 'mbsyncrc', [
    'IMAPAccount gavan',
    'Host localhost',
    `Port ${implicit ? gavan.ports.imaps : gavan.ports.imap}`,
    `User ${user.address}`,
    `Pass ${quoted(user.password)}`,
    `SSLType ${implicit ? 'IMAPS' : 'STARTTLS'}`,
    'SystemCertificates no',
    `CertificateFile ${gavan.caFile}`,
    ...(options.auth === undefined ? [] : [`AuthMechs ${options.auth}`]),
    '',
    'IMAPStore far',
    'Account gavan',
    '',
    'MaildirStore near',
    `Path ${tree}/`,
    `Inbox ${tree}/INBOX`,
    'SubFolders Verbatim',
    '',
    'Channel all',
    'Far :far:',
    'Near :near:',
    'Patterns *',
    'Create Both',
    'Remove Both',
    'Expunge Both',
    'CopyArrivalDate yes',
    'SyncState *',
  ])
  const ran = await ranWell('mbsync', ['-V', '-c', config, '-a'], { env: { HOME: folder } })
  return {
    folder: tree,
    said: ran.all,
    mailboxes: () => readdirSync(tree).filter((name) => existsSync(join(tree, name, 'cur'))),
    letters: (mailbox) => maildirLetters(join(tree, mailbox)),
  }
}

// fetchmail ------------------------------------------------------------------------------------------------------------

/**
 * Fetches what is new with fetchmail.
 * @returns all letters, one after the other
 */
export async function fetchmail(
  gavan: Gavan,
  user: User,
  folder: string,
  options: { protocol: 'pop3' | 'imap'; tls: 'starttls' | 'implicit'; keep: boolean },
): Promise<string> {
  const port = gavan.ports[options.tls === 'implicit' ? (`${options.protocol}s` as const) : options.protocol]
  const output = join(folder, 'fetched')
  // fetchmail hands each letter to a program on its standard input; dd needs no shell's redirection.
  const config = secretFile(folder, 'fetchmailrc', [
    `poll localhost protocol ${options.protocol} port ${port} auth password`,
    `  user ${inSomeQuotes(user.address)} password ${inSomeQuotes(user.password)}`,
    `  ${options.tls === 'implicit' ? 'ssl' : "sslproto 'TLS1.2+'"} sslcertck sslcertfile ${inSomeQuotes(gavan.caFile)}`,
    `  ${options.keep ? 'keep' : 'nokeep'} fetchall no rewrite`,
    `  mda ${inSomeQuotes(`dd of=${output} oflag=append conv=notrunc status=none`)}`,
  ])
  const ran = await run('fetchmail', ['--verbose', '--fetchmailrc', config, '--idfile', join(folder, 'ids')], {
    env: { HOME: folder, FETCHMAILHOME: folder },
  })
  // 1: there was no mail.
  if (ran.code !== 0 && ran.code !== 1) throw new Error(`fetchmail ended with ${ran.code}\n${ran.all}`)
  return existsSync(output) ? readFileSync(output, 'utf8') : ''
}

export const fetchByPop3 = (gavan: Gavan, user: User, folder: string): Promise<string> =>
  fetchmail(gavan, user, folder, { protocol: 'pop3', tls: 'starttls', keep: true })

// getmail --------------------------------------------------------------------------------------------------------------

export async function getmail(
  gavan: Gavan,
  user: User,
  folder: string,
  options: { protocol: 'POP3' | 'IMAP'; remove: boolean },
): Promise<MaildirLetter[]> {
  const maildir = join(folder, 'maildir')
  for (const part of ['', 'new', 'cur', 'tmp']) mkdirSync(join(maildir, part), { recursive: true })
  // It refuses to deliver as root.
  const asNobody = process.getuid?.() === 0
  if (asNobody) {
    chmodSync(folder, 0o711)
    await ranWell('chown', ['-R', 'nobody', maildir])
  }
  const config = secretFile(folder, 'getmailrc', [
    '[retriever]',
    `type = Simple${options.protocol}SSLRetriever`,
    'server = localhost',
    `port = ${options.protocol === 'POP3' ? gavan.ports.pop3s : gavan.ports.imaps}`,
    `username = ${user.address}`,
    `password = ${user.password}`,
    `ca_certs = ${gavan.caFile}`,
    '[destination]',
    'type = Maildir',
    `path = ${maildir}/`,
    ...(asNobody ? ['user = nobody'] : []),
    '[options]',
    'read_all = false',
    `delete = ${options.remove}`,
  ])
  await ranWell('getmail', ['--getmaildir', folder, '--rcfile', config], { env: { HOME: folder } })
  return maildirLetters(maildir)
}

// msmtp ----------------------------------------------------------------------------------------------------------------

export async function msmtp(
  gavan: Server,
  user: User,
  folder: string,
  options: {
    auth: 'plain' | 'login' | 'scram-sha-256' | 'oauthbearer' | 'xoauth2' | 'external'
    to: readonly string[]
    letter: string
    /** Of the client itself. */
    certificate?: { readonly certFile: string; readonly keyFile: string }
  },
): Promise<Ran> {
  const config = secretFile(folder, 'msmtprc', [
    'account gavan',
    'host localhost',
    `port ${gavan.ports.submission}`,
    'tls on',
    'tls_starttls on',
    `tls_trust_file ${gavan.caFile}`,
    `auth ${options.auth}`,
    `user ${user.address}`,
    `password ${quoted(user.password)}`,
    ...(options.certificate === undefined
      ? []
      : [`tls_cert_file ${options.certificate.certFile}`, `tls_key_file ${options.certificate.keyFile}`]),
    `from ${user.address}`,
    'account default : gavan',
  ])
  return run('msmtp', ['--debug', '-C', config, ...options.to], { input: options.letter, env: { HOME: folder } })
}
