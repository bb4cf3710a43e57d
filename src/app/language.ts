import type { Language } from '../exposure/words/contract.ts'

/** LC_ALL, LC_MESSAGES, LANG: the first that is set decides (POSIX §8.2). */
export function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((value) => value !== undefined && value !== '')
  return locale?.toLowerCase().startsWith('ru') === true ? 'ru' : 'en'
}
