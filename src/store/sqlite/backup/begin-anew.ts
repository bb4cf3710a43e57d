/**
 * What a restored database must not do: give out again what it gave out after the snapshot was made. Mail programs
 * keep letters by UID and changes by MODSEQ, and never ask again about what they know.
 */
import { never } from '../../../std/assert.ts'
import type { Database } from '../database.ts'

/** What becomes of mail that waited to leave: `hold` until the operator lets it go, `keep` going, or `drop`. */
export type QueueChoice = 'hold' | 'keep' | 'drop'

/** More than any mailbox took in between a backup and its restore; the room of UIDs (32 bits) is good for 4000 restores. */
const UID_GAP = 1_000_000
const MOD_SEQ_GAP = 1_000_000_000
const MAILBOX_ID_GAP = 1000
const UID_MAX = 4_294_967_295

/**
 * UIDVALIDITY and the UIDs of the letters stay (R24, R27). UIDNEXT, MODSEQ and the other counters leap; the UIDs that
 * are leapt over are told as expunged, and every letter as changed, so that a program that had seen more sees this.
 * One-time links are gone, and keys of URLs: one that was used or revoked since must not work again.
 */
export function beginAnew(db: Database, queue: QueueChoice): void {
  const roomy = `uid_next <= ${UID_MAX - UID_GAP}`
  const accountModSeq = '(SELECT a.mod_seq FROM account a WHERE a.account_id = %.account_id)'
  const newModSeq = (table: string): string => accountModSeq.replace('%', table)
  db.exec(`
    BEGIN IMMEDIATE;
    UPDATE account SET mod_seq = mod_seq + ${MOD_SEQ_GAP}, next_mailbox_id = next_mailbox_id + ${MAILBOX_ID_GAP},
      next_message_key = next_message_key + iif(next_message_key <= ${UID_MAX - UID_GAP}, ${UID_GAP}, 0);
    INSERT INTO expunged (account_id, mailbox_id, mod_seq, first_uid, last_uid)
      SELECT account_id, mailbox_id, ${newModSeq('mailbox')}, uid_next, uid_next + ${UID_GAP - 1} FROM mailbox WHERE ${roomy};
    UPDATE mailbox SET uid_next = uid_next + ${UID_GAP} WHERE ${roomy};
    UPDATE mailbox SET highest_mod_seq = ${newModSeq('mailbox')}, flags_mod_seq = ${newModSeq('mailbox')};
    UPDATE entry SET mod_seq = ${newModSeq('entry')};
    UPDATE sqlite_sequence SET seq = seq + ${UID_GAP} WHERE name IN ('segment', 'queue');
    DELETE FROM once_link;
    DELETE FROM url_key;
    ${queueStatement(queue)}
    COMMIT;
  `)
}

function queueStatement(queue: QueueChoice): string {
  switch (queue) {
    case 'hold':
      return 'UPDATE queue SET held = 1, lease = NULL, due_at = next_attempt_at;'
    case 'keep':
      return 'UPDATE queue SET lease = NULL, due_at = next_attempt_at;'
    case 'drop':
      return `
        UPDATE body SET refs = refs - q.count FROM (SELECT body_id, count(*) AS count FROM queue GROUP BY body_id) AS q
          WHERE body.body_id = q.body_id;
        DELETE FROM queue;
        UPDATE segment SET live_octets = live_octets - d.octets
          FROM (SELECT segment_id, sum(record_octets) AS octets FROM body WHERE refs = 0 GROUP BY segment_id) AS d
          WHERE segment.segment_id = d.segment_id;
        DELETE FROM body WHERE refs = 0;`
    default:
      return never(queue)
  }
}
