/** LANG, RFC 6856 §3. */
import { LANGUAGES, languageFor } from '../language.ts'
import { error, okay, type Pop3Context, type Pop3Done } from '../context.ts'

export function lang(context: Pop3Context, range: string | null): Pop3Done {
  if (range === null) {
    const lines = Object.entries(LANGUAGES).map(([tag, name]) => `${tag} ${name}`)
    return okay(['Language listing follows', ...lines, '.'].join('\r\n'))
  }
  const language = languageFor(range)
  if (language === null) return error('Language is not known')
  context.language = language
  return okay(`${language} Language changed`)
}
