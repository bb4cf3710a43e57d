/** What explains the rules to people. Comments inside rules are not here: they are data, by which rules are found again. */
import type { Language } from '../words/contract.ts'

export type FirewallWords = {
  readonly undo: string
  readonly openToAll: string
  readonly insideOnly: (networks: string) => string
  readonly hostOnly: string
  readonly nobody: string
  readonly kept: string
  readonly oldGo: string
  readonly otherTables: string
  readonly allowedIn: (chain: string) => string
  readonly allowInAgain: string
  readonly jumpFirst: string
  readonly persistNft: string
  readonly persistScript: string
  readonly persistIptables: string
  readonly persistsItself: string
  readonly bridge: string
  readonly bridgeTool: (tool: string) => string
  readonly bridgeBetter: string
  readonly onlySender: (user: string) => string
  readonly nat: (server: string) => string
  readonly router: (server: string) => string
  readonly serverUnknown: string
  readonly publicUnknown: string
  readonly bans: string
  readonly forwarded: string
  readonly peopleOutside: string
  readonly accepted: string
  readonly v6: string
  readonly v6None: string
  readonly sendFrom: string
  readonly masquerade: string
  readonly splitDns: string
  readonly noName: string
  readonly hairpin: string
  readonly hairpinBan: (gateway: string) => string
  readonly outgoing: string
  readonly ufwOrder: string
  readonly firewalldZone: (zone: string) => string
  readonly firewalldBans: string
  readonly firewalldReload: string
  readonly pfAnchor: string
  readonly pfRouterAnchor: string
  readonly windowsDefault: string
  readonly windowsBans: string
  readonly blocks: string
}

const en: FirewallWords = {
  undo: 'undo:',
  openToAll: 'open to all',
  insideOnly: (networks) => `only from ${networks}`,
  hostOnly: 'only from this host',
  nobody: 'nobody',
  kept: 'The old rules go and the new ones come in one step. The bans stay.',
  oldGo: 'First the old rules of gavan go; those of others stay.',
  otherTables:
    'A chain of another table that ends in drop still decides. Then add  --allow-in "inet filter input"  with its name.',
  allowedIn: (chain) =>
    `The same in ${chain}, which drops what it does not know: a chain of gavan's own and one jump to it.`,
  allowInAgain: 'Once, however often this is run:',
  jumpFirst: 'One jump, at the top, however often this is run. Rules of others stay as they are.',
  persistNft:
    'To keep it over a restart: save this as /etc/gavan/firewall.nft, add  include "/etc/gavan/firewall.nft"  at the end of /etc/nftables.conf, and run  systemctl enable nftables',
  persistScript: 'To keep it over a restart: run this script after nftables.service, by a unit of your own.',
  persistIptables: 'To keep it over a restart: apt install iptables-persistent, then  netfilter-persistent save',
  persistsItself: 'It is kept over a restart.',
  bridge:
    'gavan is in a container behind a bridge: connections to its ports are forwarded and never meet the input chain. These rules are for the host of the container.',
  bridgeTool: (tool) =>
    `${tool} does not see what Docker publishes; its rules would do nothing. What works is DOCKER-USER:`,
  bridgeBetter:
    'Better: network_mode: host. A bridge can hide the addresses of senders, and then SPF and bans go wrong.',
  onlySender: (user) => `Mail leaves by the user ${user} only: programs that broke in cannot send by themselves.`,
  nat: (server) =>
    `These are for the server itself, ${server}. The router in front forwards ports: gavan firewall --format routeros (or openwrt).`,
  router: (server) => `For the router in front of the server ${server}.`,
  serverUnknown: 'The address of the server is not known here: put it in place of SERVER.',
  publicUnknown:
    'The public address is not known (nat.public in gavan.toml), so mail leaves from whatever address the router takes.',
  bans: 'Whom gavan has banned. Fill it by: gavan ban export',
  forwarded: 'Forwarded from the internet:',
  peopleOutside:
    'Mail programs of people outside. Enable it only if you have such people, and set clients = "anywhere".',
  accepted: 'Let through what was forwarded; needed where the forward chain ends in drop.',
  v6: 'IPv6 has no port forwarding: the address of the server is let through.',
  v6None: 'The server has no IPv6 address that the internet reaches: nothing to do for IPv6.',
  sendFrom: 'Mail leaves from the address that has the PTR. It has to stand above the masquerade.',
  masquerade:
    'The masquerade must name the WAN (out-interface or list). One without it hides the address of every sender: SPF, blocklists and bans then see the router.',
  splitDns: 'Inside, the name leads straight to the server.',
  noName: 'The name of the server is not known (hostname in gavan.toml), so there is no line for the inner DNS.',
  hairpin: 'Hairpin: people inside reach the server by its public address.',
  hairpinBan: (gateway) =>
    `They all come from ${gateway} then, so it must never be banned: nat.never_ban in gavan.toml.`,
  outgoing:
    'Nobody but the server sends on 25: a good idea against infected machines. Enable it when nothing else here sends mail itself.',
  ufwOrder: 'ufw takes the first rule that fits: a rule of your own for such a port, made earlier, comes before these.',
  firewalldZone: (zone) => `The zone is ${zone}; another one by --interface ZONE.`,
  firewalldReload:
    'The reload forgets what others set without --permanent: firewall-cmd --runtime-to-permanent  keeps it, run before this.',
  firewalldBans:
    'Bans, when you want them here too: gavan ban export --format list, IPv4 into gavan-banned4, IPv6 into gavan-banned6.',
  pfAnchor: 'Once, in /etc/pf.conf, before your own block rules:  anchor "gavan"  Then: pfctl -a gavan -f THIS-FILE',
  pfRouterAnchor:
    'Once, in /etc/pf.conf, where each kind belongs:  nat-anchor "gavan"  rdr-anchor "gavan"  anchor "gavan"  Then: pfctl -a gavan -f THIS-FILE',
  windowsDefault:
    'Windows shuts what no rule opens. Look for rules that open everything to node.exe (Windows offers one when a program listens first) and remove them.',
  windowsBans: 'Bans are held by gavan itself.',
  blocks: 'PowerShell as administrator.',
}

const ru: FirewallWords = {
  undo: 'отменить:',
  openToAll: 'открыто всем',
  insideOnly: (networks) => `только из ${networks}`,
  hostOnly: 'только с этого узла',
  nobody: 'никому',
  kept: 'Старые правила уходят, новые приходят одним действием. Баны остаются.',
  oldGo: 'Сначала уходят прежние правила gavan; чужие остаются.',
  otherTables:
    'Цепочка другой таблицы, которая кончается на drop, всё равно решает сама. Тогда добавьте  --allow-in "inet filter input"  с её именем.',
  allowedIn: (chain) => `То же в ${chain}, где неизвестное отбрасывается: своя цепочка и один переход в неё.`,
  allowInAgain: 'Один раз, сколько бы это ни запускали:',
  jumpFirst: 'Один переход, в начале, сколько бы это ни запускали. Чужие правила остаются как есть.',
  persistNft:
    'Чтобы сохранилось после перезагрузки: запишите это в /etc/gavan/firewall.nft, добавьте  include "/etc/gavan/firewall.nft"  в конец /etc/nftables.conf и выполните  systemctl enable nftables',
  persistScript: 'Чтобы сохранилось после перезагрузки: запускайте этот скрипт после nftables.service, своим юнитом.',
  persistIptables:
    'Чтобы сохранилось после перезагрузки: apt install iptables-persistent, затем  netfilter-persistent save',
  persistsItself: 'После перезагрузки остаётся.',
  bridge:
    'gavan в контейнере за мостом: соединения с его портами пересылаются и цепочки input не видят. Эти правила — для узла, на котором контейнер.',
  bridgeTool: (tool) =>
    `${tool} не видит того, что публикует Docker, и его правила ничего бы не дали. Работает DOCKER-USER:`,
  bridgeBetter: 'Лучше network_mode: host. Мост может скрыть адреса отправителей, и тогда SPF и баны ошибаются.',
  onlySender: (user) => `Почту отправляет только пользователь ${user}: взломанная программа сама отправлять не сможет.`,
  nat: (server) =>
    `Это для самого сервера, ${server}. Порты пробрасывает маршрутизатор перед ним: gavan firewall --format routeros (или openwrt).`,
  router: (server) => `Для маршрутизатора перед сервером ${server}.`,
  serverUnknown: 'Адрес сервера здесь неизвестен: поставьте его вместо SERVER.',
  publicUnknown:
    'Внешний адрес не указан (nat.public в gavan.toml), поэтому почта уходит с того адреса, какой возьмёт маршрутизатор.',
  bans: 'Кого забанил gavan. Заполняется так: gavan ban export',
  forwarded: 'Пробрасывается из интернета:',
  peopleOutside:
    'Почтовые программы вне офиса. Включайте, только если такие люди есть, и поставьте clients = "anywhere".',
  accepted: 'Пропустить проброшенное; нужно, если цепочка forward кончается на drop.',
  v6: 'Для IPv6 проброса портов нет: пропускается адрес сервера.',
  v6None: 'У сервера нет адреса IPv6, доступного из интернета: для IPv6 делать нечего.',
  sendFrom: 'Почта уходит с адреса, у которого есть PTR. Правило должно стоять выше masquerade.',
  masquerade:
    'В masquerade должен быть указан WAN (out-interface или список). Без него адреса всех отправителей скрыты: SPF, чёрные списки и баны увидят маршрутизатор.',
  splitDns: 'Внутри сети имя ведёт прямо на сервер.',
  noName: 'Имя сервера неизвестно (hostname в gavan.toml), поэтому строки для внутреннего DNS нет.',
  hairpin: 'Hairpin: изнутри сервер доступен и по внешнему адресу.',
  hairpinBan: (gateway) => `Тогда все они приходят с ${gateway}, банить его нельзя: nat.never_ban в gavan.toml.`,
  outgoing:
    'На 25 наружу отправляет только сервер: хорошая защита от заражённых машин. Включите, если больше никто сам почту не отправляет.',
  ufwOrder: 'ufw берёт первое подходящее правило: ваше правило для такого порта, созданное раньше, сработает первым.',
  firewalldZone: (zone) => `Зона ${zone}; другая — через --interface ZONE.`,
  firewalldReload:
    'При reload пропадает то, что другие задали без --permanent; сохранить заранее: firewall-cmd --runtime-to-permanent',
  firewalldBans:
    'Баны, если нужны и здесь: gavan ban export --format list, IPv4 в gavan-banned4, IPv6 в gavan-banned6.',
  pfAnchor: 'Один раз, в /etc/pf.conf, до своих block:  anchor "gavan"  Затем: pfctl -a gavan -f ЭТОТ-ФАЙЛ',
  pfRouterAnchor:
    'Один раз, в /etc/pf.conf, каждое на своём месте:  nat-anchor "gavan"  rdr-anchor "gavan"  anchor "gavan"  Затем: pfctl -a gavan -f ЭТОТ-ФАЙЛ',
  windowsDefault:
    'Windows закрывает то, чего не открыло правило. Найдите и удалите правила, открывающие всё для node.exe (Windows предлагает такое, когда программа впервые слушает порт).',
  windowsBans: 'Баны держит сам gavan.',
  blocks: 'PowerShell от имени администратора.',
}

export const FIREWALL_WORDS: Readonly<Record<Language, FirewallWords>> = { en, ru }
