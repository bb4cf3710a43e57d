import type { Cursor } from '../cursor.ts'

/** Commands without arguments. */
export const parseNone = (_cursor: Cursor): null => null
