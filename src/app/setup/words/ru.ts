import { holderName, memory, octal } from './shapes.ts'
import type { SetupWords } from './contract.ts'

export const ru: SetupWords = {
  looking: 'Смотрю, что здесь есть…',
  around: ({ system, cores, memoryOctets }) => `${system} · ядер: ${cores}, памяти ${memory(memoryOctets)} ГБ`,
  address: {
    own: (addresses) => `этот узел: ${addresses}, адрес виден из интернета`,
    nat: (inner, outer) => `этот узел: ${inner} · из интернета он виден как ${outer}, через маршрутизатор (NAT)`,
    natUnknown: (inner) =>
      `этот узел: ${inner}, за маршрутизатором (NAT). Внешний адрес не известен, его называет --public АДРЕС`,
    none: 'у этого узла нет адресов, кроме loopback',
  },
  held: (port, holder) => `Порт ${port} занят: ${holderName(holder)}`,
  free: (ports) => `Свободны: ${ports}`,
  earlier: (path) =>
    `${path} уже есть: он отвечает на всё, о чём не сказано в командной строке; ваши правки в нём останутся.`,
  question: {
    domain: () => ['Почтовый домен'],
    first: () => ['Первый ящик, он же получает предупреждения'],
    clients: () => [
      'Где читают почту?',
      '1 browser   только в браузере',
      '2 office    ещё в почтовых программах, в офисе',
      '3 anywhere  в программах и телефонах где угодно',
    ],
    port80: (holder) => [
      `Порт 80 занят: ${holder}. Он нужен для Let’s Encrypt и перенаправления на 443.`,
      '1 stop  остановить и отключить; порт берёт gavan',
      '2 keep  оставить; пусть передаёт вопросы Let’s Encrypt, строки настройки будут показаны',
      '3 dns   оставить; сертификаты — через 443 или DNS',
    ],
  },
  help: {
    domain: 'То, что стоит после @ в ваших адресах. Другие домены потом: gavan domain add',
    first:
      'Для этого адреса заводится ящик, пароль к нему задаётся по одноразовой ссылке. Остальные потом: gavan user invite',
    clients:
      'От этого зависит, какие порты видны снаружи: 25, 80, 443 всегда; 587 и 993 никому, внутренним сетям или всем. Потом: gavan set clients',
    port80:
      'Один порт двум программам не поделить. Чужое не меняется, пока вы не ответите stop; --remove запустит всё обратно.',
  },
  problem: ({ about, why, given, domain }) => {
    switch (why) {
      case 'no-host':
        return 'не названо имя этого почтового сервера'
      case 'is-address':
        return `«${given}» — это адрес, а почтовому серверу нужно имя: другие серверы его проверяют`
      case 'single-label':
        return `в «${given}» нет точки: другим серверам такое имя не найти`
      case 'no-name':
        return `«${given}» — не имя узла`
      case 'no-domain':
        return `«${given}» — не почтовый домен`
      case 'no-mailbox':
        return `«${given}» — не почтовый адрес`
      case 'other-domain':
        return `${given} — не в домене ${domain}`
      case 'no-choice':
        return `«${given}» — не ответ на этот вопрос`
      case 'no-address':
        return about === 'public' ? `«${given}» — не IP-адрес` : given
    }
  },
  problemFix: ({ about }) =>
    ({
      hostname: 'gavan setup mail.example.org',
      domain: '--domain example.org',
      first: '--first anna@example.org',
      clients: '--clients browser, office или anywhere',
      port80: '--port80 stop, keep или dns',
      public: '--public 203.0.113.10',
    })[about],
  keys: '(Enter — согласиться, b — назад, ? — пояснение)',
  plan: 'План (пока ничего не изменено)',
  nothingToDo: 'Всё уже как надо, менять нечего.',
  step: (step) => {
    switch (step.do) {
      case 'make-user':
        return '+ пользователь gavan (без входа и пароля)'
      case 'make-directory':
        return `+ ${step.path}/  ${octal(step.mode)}, ${step.owner === 'gavan' ? 'владелец gavan' : 'владелец root, gavan читает'}`
      case 'write-file':
        return `${step.before === null ? '+' : '~'} ${step.path}`
      case 'make-keys':
        return `+ ключи DKIM для ${step.domain} (RSA 2048, Ed25519)`
      case 'make-account':
        return `+ ящик ${step.address}`
      case 'stop-other':
        return `~ ${step.unit} остановить и отключить`
      case 'start':
        return step.restart ? '~ gavan.service перезапустить' : '~ gavan.service включить и запустить'
    }
  },
  elsewhere: 'больше ничего в системе',
  ports: ({ outside, inside, loopback, off }) =>
    [
      `снаружи открыты ${outside}`,
      `только внутри ${inside}`,
      ...(loopback === '' ? [] : [`loopback ${loopback}`]),
      `выключены ${off}`,
    ].join(' · '),
  alreadyThere: (what) => `Уже есть: ${what}`,
  dryRun: 'Ничего не изменено (--dry-run).',
  confirm: { apply: 'Выполнить? [Д/н]', remove: 'Удалить? [д/Н]' },
  yes: ['д', 'да', 'y', 'yes'],
  cancelled: 'Ничего не изменено.',
  done: (step) => {
    switch (step.do) {
      case 'make-user':
        return 'пользователь gavan'
      case 'make-directory':
        return step.path
      case 'write-file':
        return step.path
      case 'make-keys':
        return `ключи DKIM для ${step.domain}`
      case 'make-account':
        return `ящик ${step.address}`
      case 'stop-other':
        return `${step.unit} остановлен`
      case 'start':
        return 'gavan.service'
    }
  },
  failed: (step, cause) => `${step}: ${cause}`,
  takenBack: 'Сделанное этим запуском отменено.',
  left: (what) => `осталось: ${what}`,
  logAt: (path) => `Что сделано, записано в ${path}`,
  password: (address, password) => [
    `Вход   ${address}   ${password}`,
    'Пароль показан один раз и нигде не записан. Новый: gavan user password',
  ],
  link: (address, link, near) => [
    `Пароль для ${address} придумайте здесь; ссылка сработает один раз, в течение 7 дней:`,
    `  ${link}`,
    ...(near === null
      ? []
      : ['пока имени нет в DNS (браузер предупредит: сертификат ему ещё не знаком):', `  ${near}`]),
    `Другая ссылка: gavan user reset ${address}    сразу пароль: gavan user password ${address}`,
  ],
  certificate: 'Сертификат ждёт DNS, пока — самодельный (gavan cert status)',
  notStarted: (why) => [
    `gavan.service не запустился: ${why}`,
    'Почему: journalctl -u gavan -n 30    затем: systemctl start gavan',
  ],
  howToStart: (line) => ['systemd здесь не работает, сервер запустить некому. Вручную, от root:', `  ${line}`],
  restartByHand: (pid) => `Работающий сервер (pid ${pid}) узнает об этом, когда его остановят и запустят снова.`,
  blocked: (port, holder) => [
    `Порт ${port} занят: ${holderName(holder)}; без него gavan не запустится.`,
    holder.unit === null
      ? '  остановите эту программу, затем: systemctl start gavan'
      : `  systemctl disable --now ${holder.unit} && systemctl start gavan`,
  ],
  handOn: (holder, port) => `Порт 80 остаётся за ${holder}. Пусть передаёт вопросы Let’s Encrypt на порт ${port}:`,
  fillInDns: (path) => `Чтобы получать сертификаты через DNS, заполните tls.acme_dns в ${path}; пока — через 443.`,
  stopByHand: (holder) =>
    `${holderName(holder)} держит порт 80, и это не служба systemd: остановите его и запустите gavan снова.`,
  dns: {
    head: 'DNS у вашего провайдера (спрошены серверы имён вашего домена)',
    provider: 'её ставит тот, кто дал адрес: gavan dns ptr-letter',
    notAsked: 'не проверялось',
    optional: (count) => `и необязательных: ${count}, см. gavan dns`,
    noAddress: 'Внешний адрес не известен, поэтому нет A и PTR: gavan setup --public 203.0.113.10',
    hints: 'Файл зоны: gavan dns --zone    тексты по 255 знаков: gavan dns --split',
  },
  next: (firewall) => [firewall, 'Проверить      gavan doctor', 'Отменить всё   gavan setup --remove'],
  firewallHost: 'Брандмауэр     gavan firewall --format nftables|ufw|iptables|firewalld',
  firewallRouter: 'Маршрутизатор  gavan firewall --format routeros|openwrt|pf',
  removal: {
    plan: 'Будет удалено (пока ничего не изменено)',
    line: (removal) => {
      switch (removal.do) {
        case 'stop-service':
          return '- gavan.service остановить и отключить'
        case 'remove-file':
          return `- ${removal.path}${removal.copy === null ? '' : `  (копия останется: ${removal.copy})`}`
        case 'remove-directory':
          return removal.withAll ? `- ${removal.path}/  СО ВСЕЙ ПОЧТОЙ` : `- ${removal.path}/  если опустеет`
        case 'remove-user':
          return '- пользователь gavan'
        case 'start-other':
          return `~ ${removal.unit} снова включить и запустить`
      }
    },
    done: (removal) => {
      switch (removal.do) {
        case 'stop-service':
          return 'gavan.service остановлен'
        case 'remove-file':
        case 'remove-directory':
          return `${removal.path} удалён`
        case 'remove-user':
          return 'пользователь gavan удалён'
        case 'start-other':
          return `${removal.unit} запущен`
      }
    },
    nothing: 'Здесь setup ничего не делал, удалять нечего.',
    dataStays: (dataDir) =>
      `Почта, ящики и ключи в ${dataDir} останутся, и с ними пользователь gavan. Вместе с ними: gavan setup --remove --with-data`,
    typeName: (dataDir, hostname) => `Вся почта в ${dataDir} исчезнет навсегда. Если согласны, наберите ${hostname}:`,
    notTyped: 'Имя другое. Ничего не изменено.',
    left: (why) => `осталось: ${why}`,
    finished: 'Удалено. Правила брандмауэра ставил не setup: как их убрать, говорит gavan firewall.',
  },
  page: {
    configured: (path) => [`эта машина уже настроена: ${path}`, 'изменить можно здесь: gavan setup'],
    open: (minutes) => `Откройте в браузере. Ссылка сработает один раз, в одном браузере, в течение ${minutes} минут:`,
    here: 'на этой машине',
    tunnel: (line) => `С другой — через ssh: ${line}   и там ссылка с 127.0.0.1`,
    warns: (fingerprint) => `Браузер предупредит: сертификат самодельный, SHA-256 ${fingerprint}`,
    stop: 'До показа плана на странице ничего не изменится. Ctrl-C — закончить.',
    over: 'Страницу никто не прошёл до конца вовремя. Ничего не изменено.',
    stays: (minutes) => `Страница останется ещё на ${minutes} минут; Ctrl-C — закончить.`,
    portHeld: (port) => [`порт ${port} занят другой программой`, 'возьмите другой: gavan setup --web 8443'],
  },
  notRoot: ['setup меняет систему, а вы не root', 'sudo gavan setup …, или только посмотреть план: --dry-run'],
  unreadable: (path) => [
    `служба не сможет прочесть свою программу: ${path} закрыт для пользователя gavan`,
    'установите её туда, где читать могут все: npm install -g или в /opt',
  ],
  byHand: (path, line) => [`${path} написан так, что изменить его может только человек`, `впишите: ${line}`],
  onePort80: 'Порт 80 свободен, так что --port80 решать нечего.',
}
