import type { Language, PlanWords } from './contract.ts'
import { en } from './en.ts'
import { ru } from './ru.ts'

export const PLAN_WORDS: Readonly<Record<Language, PlanWords>> = { en, ru }
