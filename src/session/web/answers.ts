import type { WebAnswer, WebRequest } from '../../model/web.ts'

export function textAnswer(status: number, text: string, headers: Record<string, string> = {}): WebAnswer {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: text,
  }
}

export const notFound = textAnswer(404, 'not found\n')

export const notAllowed = (allow: string): WebAnswer => textAnswer(405, 'method not allowed\n', { allow })

export function xmlAnswer(text: string): WebAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml; charset=utf-8', 'cache-control': 'no-store' },
    body: text,
  }
}

export const isRead = ({ method }: WebRequest): boolean => method === 'GET' || method === 'HEAD'

/** RFC 9110 §12.5.4, for two languages. */
export function preferredLanguage(accepted: string): 'en' | 'ru' {
  const weights = { en: 0, ru: 0 }
  for (const part of accepted.slice(0, 200).split(',')) {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    const weight = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1)
    const language = range.split('-', 1)[0]
    if ((language === 'en' || language === 'ru') && weight > weights[language]) weights[language] = weight
  }
  return weights.ru > weights.en ? 'ru' : 'en'
}
