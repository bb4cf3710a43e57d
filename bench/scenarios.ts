import type { Scenario } from './scenario.ts'
import { scenario as append } from './scenario/append.ts'
import { scenario as bigMailbox } from './scenario/big-mailbox.ts'
import { scenario as handshakes } from './scenario/handshakes.ts'
import { scenario as idle } from './scenario/idle.ts'
import { scenario as largeIn } from './scenario/large-in.ts'
import { scenario as mailIn } from './scenario/mail-in.ts'
import { scenario as reading } from './scenario/reading.ts'
import { scenario as relayOut } from './scenario/relay-out.ts'
import { scenario as start } from './scenario/start.ts'
import { scenario as submission } from './scenario/submission.ts'

/** In the order they are run. */
export const SCENARIOS: readonly Scenario[] = [
  mailIn,
  submission,
  relayOut,
  append,
  largeIn,
  reading,
  bigMailbox,
  handshakes,
  idle,
  start,
]
