import type { ArrivedLetter } from '../../core/screening/contract.ts'
import { EXAMINER_CHUNK_OCTETS } from '../../model/limits.ts'

/** The letter's octets, so many at once as may lie in memory. @throws StoreError */
export async function* octetsOf({ sizeOctets, read }: ArrivedLetter): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeOctets; at += EXAMINER_CHUNK_OCTETS)
    yield await read(at, Math.min(sizeOctets, at + EXAMINER_CHUNK_OCTETS))
}

/** What another program says, fit for our log and our replies. */
export const printable = (text: string, maxCharacters: number): string =>
  text.replace(/[^ -~]/g, '?').slice(0, maxCharacters)
