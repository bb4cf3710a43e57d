/**
 * Dovecot from Debian's package with everything of its own in one folder. Where its defaults are made for small machines it has
 * what its own documentation advises for many users: logins served by lasting processes, processes used again, a password cache,
 * idle connections hibernated.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../test/interop/run.ts'
import type { Ports, User } from './server.ts'

export type Certificate = { readonly key: string; readonly certificate: string }
export type Dovecot = AsyncDisposable & { readonly pid: number }

/** Unix sockets lie below this; their names are short (unix(7): 107 octets). */
export const lmtpSocket = (queue: string): string => join(queue, 'private/dovecot-lmtp')
export const saslSocket = (queue: string): string => join(queue, 'private/dovecot-auth')

/** What has to be the same for `doveadm`. */
export const dovecotConfig = (folder: string): string => join(folder, 'dovecot.conf')

const port = (name: string, number: number, tls: boolean): string =>
  `inet_listener ${name} {\n address = 127.0.0.1\n port = ${number}\n ssl = ${tls ? 'yes' : 'no'}\n }`

/** sdbox: a file a message as in Maildir, but flags live in the index, so STORE renames no files; the faster one for Dovecot. */
function configText(options: { folder: string; queue: string; ports: Ports; tls: Certificate }): string {
  const { folder, queue, ports, tls } = options
  const path = (name: string): string => join(folder, name)
  return `
base_dir = ${path('run')}
state_dir = ${path('state')}
log_path = ${path('dovecot.log')}
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <${tls.certificate}
ssl_key = <${tls.key}
mail_location = sdbox:${path('mail')}/%n
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
mail_fsync = optimized
mail_max_userip_connections = 5000
auth_mechanisms = plain
auth_cache_size = 10M
imap_hibernate_timeout = 5s
default_process_limit = 2000
default_client_limit = 20000
passdb {
 driver = passwd-file
 args = scheme=PLAIN username_format=%u ${path('passwd')}
 auth_verbose = no
}
userdb {
 driver = static
 args = uid=nobody gid=nogroup home=${path('mail')}/%n
}
namespace inbox {
 inbox = yes
}
service imap-login {
 ${port('imap', ports.imap, false)}
 ${port('imaps', ports.imaps, true)}
 service_count = 0
 process_min_avail = 2
 client_limit = 5000
}
service pop3-login {
 ${port('pop3', ports.pop3, false)}
 ${port('pop3s', ports.pop3s, true)}
 service_count = 0
 process_min_avail = 1
}
service imap {
 service_count = 200
 process_min_avail = 4
 process_limit = 5000
 idle_kill = 5s
 extra_groups = dovecot
 unix_listener imap-master {
  user = dovecot
 }
}
service pop3 {
 service_count = 200
}
service lmtp {
 process_min_avail = 4
 unix_listener ${lmtpSocket(queue)} {
  user = postfix
  group = postfix
  mode = 0600
 }
}
service auth {
 unix_listener ${saslSocket(queue)} {
  user = postfix
  group = postfix
  mode = 0660
 }
}
service anvil {
 client_limit = 20000
}
`
}

export async function startDovecot(options: {
  folder: string
  queue: string
  ports: Ports
  tls: Certificate
  users: readonly User[]
}): Promise<Dovecot> {
  const { folder, users } = options
  for (const name of ['run', 'state', 'mail']) mkdirSync(join(folder, name), { recursive: true })
  chmodSync(join(folder, 'mail'), 0o777)
  writeFileSync(join(folder, 'passwd'), users.map((user) => `${user.address}:${user.password}\n`).join(''))
  writeFileSync(dovecotConfig(folder), configText(options))
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', dovecotConfig(folder)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  if (child.pid === undefined) throw new Error('Dovecot does not start')
  child.once('close', (code) => {
    if (code !== 0) console.error(`Dovecot ended with ${code}\n${said}`)
  })
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Puts a Maildir's messages into INBOX without Dovecot's fsync, to have a large mailbox soon. */
export async function importMaildir(folder: string, user: string, maildir: string): Promise<void> {
  const args = [
    '-c',
    dovecotConfig(folder),
    '-o',
    'mail_fsync=never',
    'import',
    '-u',
    user,
    `maildir:${maildir}`,
    '',
    'all',
  ]
  const ran = await run('doveadm', args)
  if (ran.code !== 0) throw new Error(`doveadm import: ${ran.all}`)
}
