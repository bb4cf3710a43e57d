/**
 * A Postfix of our own, from Debian's package: its configuration, queue and mail lie in one temporary folder, its ports are on
 * loopback, and the system's own instance is left alone. Its domain's mail, whoever it is for, lands in one Maildir.
 */
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from './peers.ts'
import { freePort } from './ports.ts'
import { run, until } from './run.ts'

export type Postfix = AsyncDisposable & {
  readonly domain: string
  readonly port: number
  /** As `others`. */
  readonly otherPorts: readonly number[]
  readonly caFile: string
  log(): string
  /** Letters that have arrived, in no order. */
  letters(): string[]
}

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
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
`

async function userId(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])))
  return { uid: Number(uid!.stdout), gid: Number(gid!.stdout) }
}

/** A key and a certificate signed by itself, for the host's name. */
async function makeCertificate(folder: string, hostname: string): Promise<{ key: string; certificate: string }> {
  const key = join(folder, 'key.pem')
  const certificate = join(folder, 'certificate.pem')
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=${hostname}`.split(' ')
  const made = await run('openssl', [
    ...args,
    '-addext',
    `subjectAltName=DNS:${hostname}`,
    '-keyout',
    key,
    '-out',
    certificate,
  ])
  if (made.code !== 0) throw new Error(made.all)
  return { key, certificate }
}

/**
 * @param options.folder an empty folder for everything, which users other than root may enter
 * @param options.routes where mail for other domains goes, e.g. `{ 'gavan.test': 2025 }`: ports on loopback
 * @param options.refuse local parts of its domain that it does not know
 * @param options.others more ports of the same server, each with settings of its own
 * @param options.settings more lines for main.cf, by name
 */
export async function startPostfix(options: {
  folder: string
  domain: string
  routes: Record<string, number>
  refuse?: readonly string[]
  settings?: Record<string, string>
  others?: readonly Readonly<Record<string, string>>[]
}): Promise<Postfix> {
  const { folder, domain } = options
  const port = await freePort()
  const path = (name: string): string => join(folder, name)
  for (const name of ['conf', 'queue', 'data', 'mail', 'tls']) mkdirSync(path(name), { recursive: true })
  chmodSync(folder, 0o755)
  const owner = await userId('postfix')
  chownSync(path('data'), owner.uid, owner.gid)
  chownSync(path('mail'), owner.uid, owner.gid)
  const tls = await makeCertificate(path('tls'), `mx.${domain}`)
  const settings = {
    compatibility_level: '3.6',
    queue_directory: path('queue'),
    data_directory: path('data'),
    command_directory: '/usr/sbin',
    daemon_directory: '/usr/lib/postfix/sbin',
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    maillog_file: path('mail.log'),
    maillog_file_prefixes: folder,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: `mx.${domain}`,
    mydestination: '',
    alias_maps: '',
    disable_dns_lookups: 'yes',
    smtp_address_preference: 'ipv4',
    transport_maps: `texthash:${path('conf/transport')}`,
    virtual_mailbox_domains: domain,
    virtual_mailbox_base: path('mail'),
    virtual_mailbox_maps: 'static:inbox/',
    virtual_minimum_uid: '1',
    virtual_uid_maps: `static:${owner.uid}`,
    virtual_gid_maps: `static:${owner.gid}`,
    mynetworks: '127.0.0.0/8',
    smtpd_recipient_restrictions: `check_recipient_access texthash:${path('conf/refuse')}, permit_mynetworks, reject`,
    smtpd_tls_security_level: 'may',
    smtpd_tls_cert_file: tls.certificate,
    smtpd_tls_key_file: tls.key,
    smtpd_tls_received_header: 'yes',
    smtpd_tls_loglevel: '1',
    smtp_tls_security_level: 'may',
    smtp_tls_loglevel: '1',
    ...options.settings,
  }
  writeFileSync(
    path('conf/main.cf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  )
  const otherPorts: number[] = []
  let services = `127.0.0.1:${port} inet n - n - - smtpd`
  for (const own of options.others ?? []) {
    const otherPort = await freePort()
    otherPorts.push(otherPort)
    const words = Object.entries(own).map(([name, value]) => `\n  -o ${name}=${value}`)
    services += `\n127.0.0.1:${otherPort} inet n - n - - smtpd${words.join('')}`
  }
  writeFileSync(path('conf/master.cf'), `${services}${SERVICES}`)
  const routes = Object.entries(options.routes).map(([name, to]) => `${name} smtp:[127.0.0.1]:${to}\n`)
  writeFileSync(path('conf/transport'), routes.join(''))
  const refusals = (options.refuse ?? []).map((name) => `${name}@${domain} 550 5.1.1 nobody of this name\n`)
  writeFileSync(path('conf/refuse'), refusals.join(''))
  // The package's postfix-files asks for these beside main.cf.
  for (const name of ['postfix-files', 'dynamicmaps.cf', 'postfix-files.d', 'dynamicmaps.cf.d'])
    if (existsSync(`/etc/postfix/${name}`)) cpSync(`/etc/postfix/${name}`, path(`conf/${name}`), { recursive: true })

  const log = (): string => (existsSync(path('mail.log')) ? readFileSync(path('mail.log'), 'utf8') : '')
  const postfix = findProgram('postfix') ?? 'postfix'
  const child = spawn(postfix, ['-c', path('conf'), 'start-fg'], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  await until(`Postfix's start`, () => {
    if (child.exitCode !== null) throw new Error(`Postfix ended\n${said}\n${log()}`)
    return log().includes('daemon started') ? true : null
  })

  const inbox = path('mail/inbox/new')
  return {
    domain,
    port,
    otherPorts,
    caFile: tls.certificate,
    log,
    letters: () =>
      existsSync(inbox) ? readdirSync(inbox).map((name) => readFileSync(join(inbox, name), 'latin1')) : [],
    async [Symbol.asyncDispose]() {
      await run(postfix, ['-c', path('conf'), 'stop'])
      await ended
    },
  }
}
