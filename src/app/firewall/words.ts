import type { Language } from '../../exposure/words/contract.ts'
import type { AtHand } from './at-hand.ts'
import type { Appliable } from './contract.ts'

type ApplyWords = {
  readonly picked: Readonly<Record<AtHand['why'], (format: string) => string>>
  readonly nothing: string
  readonly applied: string
  readonly removed: string
  readonly undo: string
  readonly persists: Readonly<Record<Appliable, string>>
}

export const APPLY_WORDS: Readonly<Record<Language, ApplyWords>> = {
  en: {
    picked: {
      'in-use': (format) => `For ${format}, which this host uses. Another one: --format`,
      installed: (format) => `For ${format}, which is installed here. Another one: --format`,
      nothing: (format) => `No firewall was found here; for ${format}. Another one: --format`,
    },
    nothing: 'It is loaded already; nothing to change.',
    applied: 'Loaded, and read back: it is there.',
    removed: 'Removed. The bans of gavan went with it.',
    undo: 'undo:',
    persists: {
      nftables:
        'It holds until the next restart. To keep it: gavan firewall --format nftables >/etc/gavan/firewall.nft, add  include "/etc/gavan/firewall.nft"  at the end of /etc/nftables.conf, and systemctl enable nftables',
      iptables:
        'It holds until the next restart. To keep it: apt install iptables-persistent, then netfilter-persistent save',
      ufw: 'ufw keeps it over a restart. ("ufw status" says whether ufw is on.)',
      firewalld: 'firewalld keeps it over a restart.',
    },
  },
  ru: {
    picked: {
      'in-use': (format) => `Для ${format}: он здесь работает. Другой: --format`,
      installed: (format) => `Для ${format}: он здесь установлен. Другой: --format`,
      nothing: (format) => `Брандмауэр здесь не найден; для ${format}. Другой: --format`,
    },
    nothing: 'Уже загружено, менять нечего.',
    applied: 'Загружено и прочитано обратно: всё на месте.',
    removed: 'Удалено, вместе с банами gavan.',
    undo: 'отменить:',
    persists: {
      nftables:
        'Действует до перезагрузки. Чтобы сохранить: gavan firewall --format nftables >/etc/gavan/firewall.nft, строка  include "/etc/gavan/firewall.nft"  в конец /etc/nftables.conf и systemctl enable nftables',
      iptables:
        'Действует до перезагрузки. Чтобы сохранить: apt install iptables-persistent, затем netfilter-persistent save',
      ufw: 'ufw сохраняет это сам. (Включён ли он, скажет ufw status.)',
      firewalld: 'firewalld сохраняет это сам.',
    },
  },
}
