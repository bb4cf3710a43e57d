/** Letters to the provider, ready to send: what only the provider can do. */
import type { Language } from '../../exposure/words/contract.ts'

export const LETTERS = ['port25', 'ptr'] as const
export type Letter = (typeof LETTERS)[number]

/** @param addresses of the server, as the internet sees them; may be empty */
export function writeLetter(
  letter: Letter,
  { hostname, addresses }: { readonly hostname: string; readonly addresses: readonly string[] },
  language: Language,
): string {
  const list = addresses.length === 0 ? (language === 'ru' ? '(ваш адрес)' : '(your address)') : addresses.join(', ')
  return TEXTS[language][letter](hostname, list)
}

const TEXTS: Readonly<Record<Language, Readonly<Record<Letter, (hostname: string, addresses: string) => string>>>> = {
  en: {
    port25: (hostname, addresses) => `Subject: Please open outgoing TCP port 25 for ${addresses}

Hello,

we run a mail server, ${hostname}, at ${addresses}. Connections from it to TCP port 25 of other
mail servers get no answer, so it seems that outgoing port 25 is blocked.

Please open outgoing TCP port 25 for this address, IPv4 and IPv6. The server sends mail of our own
people only: it takes no mail to relay without sign-in, and our domains publish SPF, DKIM and DMARC.
Only this one server sends; other machines of ours may stay blocked.

Thank you.
`,
    ptr: (hostname, addresses) => `Subject: Please set reverse DNS of ${addresses} to ${hostname}

Hello,

please set the PTR record (reverse DNS) of ${addresses} to

    ${hostname}

The name leads back to the address already. Other mail servers refuse mail from an address whose
name does not.

Thank you.
`,
  },
  ru: {
    port25: (hostname, addresses) => `Тема: Прошу открыть исходящий TCP-порт 25 для ${addresses}

Здравствуйте!

У нас работает почтовый сервер ${hostname} с адресом ${addresses}. Соединения с него на порт 25
других почтовых серверов остаются без ответа: похоже, исходящий порт 25 закрыт.

Прошу открыть исходящий TCP-порт 25 для этого адреса (IPv4 и IPv6). Сервер отправляет почту только
наших сотрудников: без входа он ничего не пересылает, для наших доменов настроены SPF, DKIM и DMARC.
Отправляет только этот сервер, для остальных наших машин порт можно оставить закрытым.

Спасибо!
`,
    ptr: (hostname, addresses) => `Тема: Прошу настроить обратную DNS-запись для ${addresses}

Здравствуйте!

Прошу настроить PTR-запись (обратный DNS) для ${addresses}:

    ${hostname}

Само имя уже указывает на этот адрес. Без обратной записи чужие серверы не принимают почту.

Спасибо!
`,
  },
}
