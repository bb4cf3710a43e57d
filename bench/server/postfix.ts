/**
 * Postfix from Debian's package in a folder of its own, as a mail server with Dovecot is set up: mail of its domain goes to Dovecot
 * by LMTP, who sends on 587 is asked of Dovecot's SASL. Every limit and delay is Postfix's default.
 */
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../test/interop/run.ts'
import type { Certificate } from './dovecot.ts'
import { DOMAIN, FOREIGN_DOMAINS, type Ports, type User } from './server.ts'

export type Postfix = AsyncDisposable & { readonly pid: number }

/** As Debian's master.cf, without chroot. */
const SERVICES = `
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`

async function userId(name: string): Promise<number> {
  const { stdout } = await run('id', ['-u', name])
  return Number(stdout)
}

export async function startPostfix(options: {
  folder: string
  queue: string
  ports: Ports
  tls: Certificate
  users: readonly User[]
  sinkPort: number
}): Promise<Postfix> {
  const { folder, queue, ports, tls, users, sinkPort } = options
  const path = (name: string): string => join(folder, name)
  for (const name of [path('conf'), path('data'), join(queue, 'private')]) mkdirSync(name, { recursive: true })
  const owner = await userId('postfix')
  chownSync(path('data'), owner, 0)
  chownSync(join(queue, 'private'), owner, 0)
  chmodSync(join(queue, 'private'), 0o700)
  const settings = {
    compatibility_level: '3.6',
    queue_directory: queue,
    data_directory: path('data'),
    command_directory: '/usr/sbin',
    daemon_directory: '/usr/lib/postfix/sbin',
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    maillog_file: path('mail.log'),
    maillog_file_prefixes: folder,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: `mail.${DOMAIN}`,
    mydestination: '',
    alias_maps: '',
    disable_dns_lookups: 'yes',
    message_size_limit: String(50 * 1024 * 1024),
    virtual_mailbox_domains: DOMAIN,
    virtual_mailbox_maps: `texthash:${path('conf/users')}`,
    virtual_transport: 'lmtp:unix:private/dovecot-lmtp',
    transport_maps: `texthash:${path('conf/transport')}`,
    smtpd_tls_security_level: 'may',
    smtpd_tls_cert_file: tls.certificate,
    smtpd_tls_key_file: tls.key,
    smtp_tls_security_level: 'may',
    smtpd_sasl_type: 'dovecot',
    smtpd_sasl_path: 'private/dovecot-auth',
  }
  const conf = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(path('conf/main.cf'), conf.join(''))
  const submission = ['smtpd_tls_security_level=encrypt', 'smtpd_sasl_auth_enable=yes']
  submission.push('smtpd_relay_restrictions=permit_sasl_authenticated,reject')
  writeFileSync(
    path('conf/master.cf'),
    `127.0.0.1:${ports.mx} inet n - n - - smtpd\n127.0.0.1:${ports.submission} inet n - n - - smtpd\n${submission
      .map((each) => ` -o ${each}\n`)
      .join('')}${SERVICES.trimStart()}`,
  )
  writeFileSync(path('conf/users'), users.map(({ address }) => `${address} ok\n`).join(''))
  writeFileSync(
    path('conf/transport'),
    FOREIGN_DOMAINS.map((name) => `${name} smtp:[127.0.0.1]:${sinkPort}\n`).join(''),
  )
  // The package's postfix-files asks for these beside main.cf.
  for (const name of ['postfix-files', 'dynamicmaps.cf', 'postfix-files.d', 'dynamicmaps.cf.d'])
    if (existsSync(`/etc/postfix/${name}`)) cpSync(`/etc/postfix/${name}`, path(`conf/${name}`), { recursive: true })

  // A group of its own: `postfix stop` ends the whole group of its master.
  const child = spawn('/usr/sbin/postfix', ['-c', path('conf'), 'start-fg'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  if (child.pid === undefined) throw new Error('Postfix does not start')
  child.once('close', (code) => {
    if (code !== 0 && code !== 143) console.error(`Postfix ended with ${code}\n${said}`)
  })
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await run('/usr/sbin/postfix', ['-c', path('conf'), 'stop'])
      await ended
    },
  }
}
