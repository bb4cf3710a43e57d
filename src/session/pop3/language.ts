/** The words of +OK and -ERR in other languages than English (RFC 6856 §3.2); everywhere else they are written in English. */

/** By tag, each in itself. */
export const LANGUAGES = { en: 'English', ru: 'Русский' } as const
export type Language = keyof typeof LANGUAGES

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag)

/** @param range in lower case, RFC 4647 §2.1: `*`, or the longest of its beginnings that is known (§3.4) */
export function languageFor(range: string): Language | null {
  if (range === '*') return 'en'
  for (let tag = range; tag !== ''; tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))) {
    if (isLanguage(tag)) return tag
  }
  return null
}

/** `#` stands for a number, `~` for the rest of the line as it is. */
const RUSSIAN: Readonly<Record<string, string>> = {
  'Too many errors': 'Слишком много ошибок',
  'Shutting down, try again later': 'Сервер останавливается, повторите позже',
  'Local error, try again later': 'Внутренняя ошибка, повторите позже',
  'Line too long': 'Слишком длинная строка',
  'Lines end with CRLF and hold no CR, LF or NUL': 'Строка кончается на CRLF и не содержит CR, LF и NUL',
  'Log in first': 'Сначала войдите',
  'Already logged in': 'Вы уже вошли',
  'UTF8 enabled': 'UTF8 включён',
  'Unknown command': 'Неизвестная команда',
  'Command is not valid UTF-8': 'Команда не в кодировке UTF-8',
  'Syntax: ~': 'Правильно: ~',
  '~ takes no arguments': '~: аргументы не нужны',
  'Capabilities follow': 'Возможности сервера',
  'Language listing follows': 'Список языков',
  'Language is not known': 'Такого языка нет',
  'ru Language changed': 'ru Язык выбран',
  'Encryption is needed before logging in: send STLS': 'Перед входом нужно шифрование: отправьте STLS',
  'Send PASS': 'Отправьте PASS',
  'Send USER first': 'Сначала отправьте USER',
  'Mechanisms follow': 'Способы входа',
  'Mechanism not offered': 'Такого способа входа нет',
  'Malformed base64': 'Ошибка в base64',
  'Wrong name or password': 'Неверное имя или пароль',
  'Cannot check the password now, try again later': 'Пароль сейчас не проверить, повторите позже',
  Cancelled: 'Отменено',
  'Authentication exchange refused: ~': 'Вход прерван: ~',
  'You have logged in a moment ago, wait a little': 'Вы входили только что, подождите немного',
  'Another POP3 session has the mailbox': 'Ящик занят другим сеансом POP3',
  'Logged in, # messages': 'Вы вошли, писем: #',
  'TLS is up already': 'TLS уже включён',
  'TLS is not available': 'TLS недоступен',
  'STLS comes before UTF8': 'STLS отправляют до UTF8',
  'Begin TLS': 'Начинайте TLS',
  'No such message': 'Такого письма нет',
  'Message is gone': 'Письма больше нет',
  'Message cannot be read': 'Письмо не прочесть',
  'Sizes follow': 'Размеры писем',
  'Unique ids follow': 'Постоянные номера писем',
  '# octets': 'Байтов: #',
  'Top follows': 'Начало письма',
  'Message # goes at QUIT': 'Письмо # будет удалено по QUIT',
  'No message is marked': 'Пометки на удаление сняты',
  Bye: 'До свидания',
  'Deleted messages were not removed': 'Письма не удалены',
}

type Rule = { readonly pattern: RegExp; readonly to: string }
const RULES: readonly Rule[] = Object.entries(RUSSIAN).map(([from, to]) => ({
  pattern: new RegExp(
    `^${from
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replace('#', String.raw`(\d+)`)
      .replace('~', '(.*)')}$`,
  ),
  to: to.replace(/[#~]/, '$1'),
}))

/** @param answer begins with +OK or -ERR, perhaps a code in brackets; further lines stay as they are */
export function inLanguage(language: Language, answer: string): string {
  if (language === 'en') return answer
  const end = answer.indexOf('\r\n')
  const [line, rest] = end === -1 ? [answer, ''] : [answer.slice(0, end), answer.slice(end)]
  const found = /^(\+OK|-ERR)( \[[^\]]*\])? (.*)$/.exec(line)
  if (found === null) return answer
  const [, status = '', code = '', words = ''] = found
  const rule = RULES.find(({ pattern }) => pattern.test(words))
  return rule === undefined ? answer : `${status}${code} ${words.replace(rule.pattern, rule.to)}${rest}`
}
