import { holderName, memory, octal } from './shapes.ts'
import type { SetupWords } from './contract.ts'

export const en: SetupWords = {
  looking: 'Looking around…',
  around: ({ system, cores, memoryOctets }) =>
    `${system} · ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory(memoryOctets)} GB`,
  address: {
    own: (addresses) => `this machine: ${addresses}, an address of its own on the internet`,
    nat: (inner, outer) => `this machine: ${inner} · the internet reaches it as ${outer}, by a router (NAT)`,
    natUnknown: (inner) =>
      `this machine: ${inner}, behind a router (NAT). Its address outside is not known: --public ADDRESS says it`,
    none: 'this machine has no address but loopback',
  },
  held: (port, holder) => `Port ${port} is held by ${holderName(holder)}`,
  free: (ports) => `Free: ${ports}`,
  earlier: (path) => `${path} is there already: it answers what no flag does, and your changes in it are kept.`,
  question: {
    domain: () => ['Mail domain'],
    first: () => ['First mailbox, also gets warnings'],
    clients: () => [
      'Where do people read mail?',
      '1 browser   in a browser only',
      '2 office    mail programs too, in the office',
      '3 anywhere  mail programs and phones everywhere',
    ],
    port80: (holder) => [
      `Port 80 is used by ${holder}. It is wanted for Let's Encrypt and the redirect to 443.`,
      '1 stop  stop and disable it; gavan takes the port',
      "2 keep  it stays, and hands on the questions of Let's Encrypt: a snippet is printed",
      '3 dns   it stays; certificates come by way of 443, or of DNS',
    ],
  },
  help: {
    domain: 'What stands behind the @ in your addresses. More domains later: gavan domain add',
    first:
      'An account with this address is made; a link that works once leads to its password. Others later: gavan user invite',
    clients:
      'It decides which ports face outside: 25, 80, 443 always; 587 and 993 for nobody, for inner networks, for all. Later: gavan set clients',
    port80:
      'Two programs cannot have one port. Nothing of the other program is changed unless you say stop; --remove starts it again.',
  },
  problem: ({ about, why, given, domain }) => {
    switch (why) {
      case 'no-host':
        return 'the name of this mail server is missing'
      case 'is-address':
        return `"${given}" is an address: a mail server needs a name, and other servers look it up`
      case 'single-label':
        return `"${given}" has no dot: other servers cannot look it up`
      case 'no-name':
        return `"${given}" is no host name`
      case 'no-domain':
        return `"${given}" is no mail domain`
      case 'no-mailbox':
        return `"${given}" is no mail address`
      case 'other-domain':
        return `${given} is not in ${domain}`
      case 'no-choice':
        return `"${given}" is no answer here`
      case 'no-address':
        return about === 'public' ? `"${given}" is no IP address` : given
    }
  },
  problemFix: ({ about }) =>
    ({
      hostname: 'gavan setup mail.example.org',
      domain: '--domain example.org',
      first: '--first anna@example.org',
      clients: '--clients browser, office or anywhere',
      port80: '--port80 stop, keep or dns',
      public: '--public 203.0.113.10',
    })[about],
  keys: '(Enter accepts, b goes back, ? explains)',
  plan: 'Plan (nothing is changed yet)',
  nothingToDo: 'Everything is as it should be; nothing to change.',
  step: (step) => {
    switch (step.do) {
      case 'make-user':
        return '+ user gavan (no sign-in, no password)'
      case 'make-directory':
        return `+ ${step.path}/  ${octal(step.mode)}, ${step.owner === 'gavan' ? 'gavan’s' : 'root’s, readable by gavan'}`
      case 'write-file':
        return `${step.before === null ? '+' : '~'} ${step.path}`
      case 'make-keys':
        return `+ DKIM keys of ${step.domain} (RSA 2048, Ed25519)`
      case 'make-account':
        return `+ mailbox ${step.address}`
      case 'stop-other':
        return `~ ${step.unit} is stopped and disabled`
      case 'start':
        return step.restart ? '~ gavan.service is restarted' : '~ gavan.service is enabled and started'
    }
  },
  elsewhere: 'nothing else on this system',
  ports: ({ outside, inside, loopback, off }) =>
    [
      `open outside ${outside}`,
      `inside only ${inside}`,
      ...(loopback === '' ? [] : [`loopback ${loopback}`]),
      `off ${off}`,
    ].join(' · '),
  alreadyThere: (what) => `Already there: ${what}`,
  dryRun: 'Nothing was changed (--dry-run).',
  confirm: { apply: 'Apply? [Y/n]', remove: 'Remove? [y/N]' },
  yes: ['y', 'yes'],
  cancelled: 'Nothing was changed.',
  done: (step) => {
    switch (step.do) {
      case 'make-user':
        return 'user gavan'
      case 'make-directory':
        return step.path
      case 'write-file':
        return step.path
      case 'make-keys':
        return `DKIM keys of ${step.domain}`
      case 'make-account':
        return `mailbox ${step.address}`
      case 'stop-other':
        return `${step.unit} stopped`
      case 'start':
        return 'gavan.service'
    }
  },
  failed: (step, cause) => `${step}: ${cause}`,
  takenBack: 'What this run had made is taken back.',
  left: (what) => `left: ${what}`,
  logAt: (path) => `What was done is written down in ${path}`,
  password: (address, password) => [
    `Sign in as   ${address}   ${password}`,
    'The password is shown this once and kept nowhere. Another: gavan user password',
  ],
  link: (address, link, near) => [
    `Choose the password of ${address} here; the link works once, within 7 days:`,
    `  ${link}`,
    ...(near === null
      ? []
      : [`until the name is in DNS (the browser warns: it does not know the certificate yet):`, `  ${near}`]),
    `Another link: gavan user reset ${address}    a password at once: gavan user password ${address}`,
  ],
  certificate: 'Certificate: waits for DNS; a self-made one until then (gavan cert status)',
  notStarted: (why) => [
    `gavan.service did not start: ${why}`,
    'See why: journalctl -u gavan -n 30    then: systemctl start gavan',
  ],
  howToStart: (line) => ['No systemd runs here, so nothing starts the server. By hand, as root:', `  ${line}`],
  restartByHand: (pid) => `The running server (pid ${pid}) follows when it is stopped and started again.`,
  blocked: (port, holder) => [
    `Port ${port} is held by ${holderName(holder)}, and gavan cannot start without it.`,
    holder.unit === null
      ? '  stop that program, then: systemctl start gavan'
      : `  systemctl disable --now ${holder.unit} && systemctl start gavan`,
  ],
  handOn: (holder, port) => `${holder} keeps port 80. Let it hand on the questions of Let's Encrypt to port ${port}:`,
  fillInDns: (path) => `For certificates by way of DNS fill in tls.acme_dns in ${path}; without it, by way of 443.`,
  stopByHand: (holder) =>
    `${holderName(holder)} holds port 80 and is no service of systemd: stop it, then start gavan again.`,
  dns: {
    head: 'DNS at your provider (asked of the name servers of your domain)',
    provider: 'whoever gave you the address sets it: gavan dns ptr-letter',
    notAsked: 'not looked up',
    optional: (count) => `and ${count} optional ones: gavan dns`,
    noAddress: 'A and PTR are missing here: the address outside is not known. gavan setup --public 203.0.113.10',
    hints: 'As a zone file: gavan dns --zone    texts cut at 255 characters: gavan dns --split',
  },
  next: (firewall) => [firewall, 'Check          gavan doctor', 'Undo all this  gavan setup --remove'],
  firewallHost: 'Firewall       gavan firewall --format nftables|ufw|iptables|firewalld',
  firewallRouter: 'Router         gavan firewall --format routeros|openwrt|pf',
  removal: {
    plan: 'To be removed (nothing is changed yet)',
    line: (removal) => {
      switch (removal.do) {
        case 'stop-service':
          return '- gavan.service is stopped and disabled'
        case 'remove-file':
          return `- ${removal.path}${removal.copy === null ? '' : `  (a copy stays: ${removal.copy})`}`
        case 'remove-directory':
          return removal.withAll ? `- ${removal.path}/  WITH ALL MAIL` : `- ${removal.path}/  if it is empty then`
        case 'remove-user':
          return '- user gavan'
        case 'start-other':
          return `~ ${removal.unit} is enabled and started again`
      }
    },
    done: (removal) => {
      switch (removal.do) {
        case 'stop-service':
          return 'gavan.service stopped'
        case 'remove-file':
        case 'remove-directory':
          return `${removal.path} removed`
        case 'remove-user':
          return 'user gavan removed'
        case 'start-other':
          return `${removal.unit} started`
      }
    },
    nothing: 'Setup has made nothing here; nothing to remove.',
    dataStays: (dataDir) =>
      `Mail, accounts and keys in ${dataDir} stay, and with them the user gavan. With them: gavan setup --remove --with-data`,
    typeName: (dataDir, hostname) => `All mail in ${dataDir} will be gone for good. Type ${hostname} to agree:`,
    notTyped: 'That is not the name. Nothing was changed.',
    left: (why) => `left: ${why}`,
    finished: 'Removed. Firewall rules are not setup’s: gavan firewall says how to undo them.',
  },
  page: {
    configured: (path) => [`this machine is set up already: ${path}`, 'change it here: gavan setup'],
    open: (minutes) => `Open in a browser. The link works once, in one browser, within ${minutes} minutes:`,
    here: 'on this machine',
    tunnel: (line) => `From another one, by way of ssh: ${line}   then the link of 127.0.0.1 there`,
    warns: (fingerprint) => `The browser warns: the certificate is self-made, SHA-256 ${fingerprint}`,
    stop: 'Nothing is changed before the page has shown the plan. Ctrl-C ends it.',
    over: 'Nobody came to the end of the page in time. Nothing was changed.',
    stays: (minutes) => `The page stays for ${minutes} minutes; Ctrl-C ends it.`,
    portHeld: (port) => [`another program has port ${port}`, 'take another one: gavan setup --web 8443'],
  },
  notRoot: ['setup changes the system, and you are not root', 'sudo gavan setup …, or see what it would do: --dry-run'],
  unreadable: (path) => [
    `the service could not read its own program: ${path} is closed to the user gavan`,
    'install it where all may read: npm install -g, or below /opt',
  ],
  byHand: (path, line) => [`${path} is written in a way that only a person can change`, `say there: ${line}`],
  onePort80: 'Port 80 is free, so --port80 has nothing to decide.',
}
