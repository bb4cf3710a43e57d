/**
 * A segment is a row of records. A record:
 *
 *     offset  size  head
 *     0       4     magic "GVR1"
 *     4       4     length of the metadata
 *     8       8     length of the body
 *     16      4     CRC-32 of the body
 *     20      4     CRC-32 of the head so far and the metadata
 *     24            body
 *                   metadata (JSON): enough to rebuild the rows from
 *
 * All numbers little-endian.
 */
import { crc32 } from 'node:zlib'

export const HEAD_OCTETS = 24
const MAGIC = 0x31525647 // "GVR1"

export type RecordHead = { readonly metaOctets: number; readonly bodyOctets: number; readonly bodyCrc32: number }

/** @param meta as written behind the body; empty in a file of its own, whose metadata is a record elsewhere */
export function encodeHead(bodyOctets: number, bodyCrc32: number, meta: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_OCTETS)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(meta.length, 4)
  head.writeUIntLE(bodyOctets, 8, 6)
  head.writeUInt32LE(bodyCrc32, 16)
  head.writeUInt32LE(headCrc(head, meta), 20)
  return head
}

/** @returns null when these are not the first octets of a record. `matchesMeta` tells whether the whole head verifies. */
export function decodeHead(head: Buffer): RecordHead | null {
  if (head.length < HEAD_OCTETS || head.readUInt32LE(0) !== MAGIC) return null
  return { metaOctets: head.readUInt32LE(4), bodyOctets: head.readUIntLE(8, 6), bodyCrc32: head.readUInt32LE(16) }
}

export const matchesMeta = (head: Buffer, meta: Uint8Array): boolean => head.readUInt32LE(20) === headCrc(head, meta)

const headCrc = (head: Buffer, meta: Uint8Array): number => crc32(meta, crc32(head.subarray(0, 20)))
