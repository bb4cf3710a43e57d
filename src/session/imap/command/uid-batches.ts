import { IMAP_UID_BATCH_MIN } from '../../../model/limits.ts'
import { parseUidBatches, type UidBatchesArgs } from '../../../protocol/imap/command/uid-batches.ts'
import { command, no, ok, untagged } from '../command.ts'
import { sequenceMap } from '../selected.ts'

export const uidBatches = command({
  name: 'UIDBATCHES',
  rfc: 'RFC 10022 §3.1',
  capability: 'UIDBATCHES',
  states: ['selected'],
  parse: parseUidBatches,
  async *run({ state, tag }, args) {
    if (args.size < IMAP_UID_BATCH_MIN) return no(`Minimum batch size is ${IMAP_UID_BATCH_MIN}`, 'TOOFEW')
    const batches = batchesOf(await sequenceMap(state.handle, state.selected), args)
    yield untagged(`UIDBATCHES (TAG "${tag}")${batches.length === 0 ? '' : ` ${batches.join(',')}`}`)
    return ok('Batches completed')
  },
})

/**
 * Ranges of uids that hold `size` messages each, the newest first. Together they cover all uids from the highest in use
 * down to 1 without a gap, so that none is in doubt. Choice: there is no limit to how many are told (no TOOMANY).
 */
function batchesOf(uids: Uint32Array, { size, range }: UidBatchesArgs): string[] {
  const batches: string[] = []
  const last = Math.min(range?.to ?? Number.POSITIVE_INFINITY, Math.ceil(uids.length / size))
  for (let batch = range?.from ?? 1; batch <= last; batch++) {
    const end = uids.length - (batch - 1) * size
    const start = end - size
    const high = batch === 1 ? uids[end - 1]! : uids[end]! - 1
    batches.push(`${high}:${start <= 0 ? 1 : uids[start]!}`)
  }
  return batches
}
