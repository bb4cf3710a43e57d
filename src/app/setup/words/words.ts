import type { Language } from '../../../exposure/words/contract.ts'
import type { SetupWords } from './contract.ts'
import { en } from './en.ts'
import { ru } from './ru.ts'

export const SETUP_WORDS: Readonly<Record<Language, SetupWords>> = { en, ru }
