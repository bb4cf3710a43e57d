import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { mutated } from './mutate.ts'

/** Something that reads foreign octets. */
export type Target = {
  readonly name: string
  readonly corpus: readonly Buffer[]
  /** Throws when a property does not hold. */
  run(bytes: Buffer): void | Promise<void>
  /** What it holds open. */
  stop?(): Promise<void>
}

const KEPT = join(import.meta.dirname, 'kept')

/** Inputs that once failed, kept for good: `kept/NAME.HASH.bin`. */
export function keptFor(target: Target): readonly { readonly file: string; readonly bytes: Buffer }[] {
  if (!existsSync(KEPT)) return []
  return readdirSync(KEPT)
    .filter((file) => file.startsWith(`${target.name}.`))
    .map((file) => ({ file, bytes: readFileSync(join(KEPT, file)) }))
}

/** Throws with seed and path when an input fails; the smallest such input found is kept. */
export async function fuzz(target: Target, options: { runs: number; seed?: number; msMax?: number }): Promise<void> {
  let failing: Buffer | null = null
  const property = fc.asyncProperty(mutated(target.corpus), async (bytes) => {
    try {
      await target.run(bytes)
    } catch (error) {
      failing = bytes
      throw error
    }
  })
  try {
    await fc.assert(property, {
      numRuns: options.runs,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.msMax === undefined ? {} : { interruptAfterTimeLimit: options.msMax }),
    })
  } catch (error) {
    if (failing !== null) keep(target, failing)
    throw error
  }
}

function keep(target: Target, bytes: Buffer): void {
  mkdirSync(KEPT, { recursive: true })
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  writeFileSync(join(KEPT, `${target.name}.${hash}.bin`), bytes)
}
