/** Counters and references, made anew from the rows that there are. */
import type { Database } from '../database.ts'
import { DELETED, SEEN } from '../flags.ts'

const MESSAGE_ID = '(account_id * 4294967296 + message_key)'
const OWN = 'e.account_id = mailbox.account_id AND e.mailbox_id = mailbox.mailbox_id'

/**
 * @param sizes of the segment files on the disk
 * @returns segments in which nothing lives
 */
export function countAnew(db: Database, sizes: ReadonlyMap<number, number>): number[] {
  // What refers to nothing any more.
  db.exec(`
    DELETE FROM address WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM mailbox WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM subscription WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM once_link WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM remembered WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM script WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM access_key WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM sent WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM sending_limit WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM alias_end WHERE (domain, local_key) NOT IN (SELECT domain, local_key FROM address);
    DELETE FROM message_quota WHERE account_id NOT IN (SELECT account_id FROM account);
    DELETE FROM mailbox_right WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)
      OR grantee <> 0 AND grantee NOT IN (SELECT account_id FROM account);
    DELETE FROM annotation WHERE account_id <> 0 AND account_id NOT IN (SELECT account_id FROM account)
      OR mailbox_id <> 0 AND (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)
      OR reader <> 0 AND reader NOT IN (SELECT account_id FROM account);
    DELETE FROM url_key WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox);
    DELETE FROM keyword WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox);
    DELETE FROM expunged WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox);
    DELETE FROM entry WHERE (account_id, mailbox_id) NOT IN (SELECT account_id, mailbox_id FROM mailbox)
      OR ${MESSAGE_ID} NOT IN (SELECT message_id FROM message);
    DELETE FROM message WHERE body_id NOT IN (SELECT body_id FROM body)
      OR message_id NOT IN (SELECT ${MESSAGE_ID} FROM entry);
    DELETE FROM entry WHERE ${MESSAGE_ID} NOT IN (SELECT message_id FROM message);
    DELETE FROM message_thread WHERE message_id NOT IN (SELECT message_id FROM message);
    DELETE FROM queue WHERE body_id NOT IN (SELECT body_id FROM body);
    DELETE FROM expunged WHERE EXISTS (SELECT 1 FROM entry e WHERE e.account_id = expunged.account_id
      AND e.mailbox_id = expunged.mailbox_id AND e.uid BETWEEN first_uid AND last_uid);
    INSERT OR IGNORE INTO domain (name) SELECT domain FROM account UNION SELECT domain FROM address;
    INSERT OR IGNORE INTO address (domain, local_key, local_part, account_id)
      SELECT domain, lower(local_part), local_part, account_id FROM account;
  `)
  db.exec(`
    UPDATE message SET entries = (SELECT count(*) FROM entry
      WHERE account_id = message_id / 4294967296 AND message_key = message_id % 4294967296);
    UPDATE body SET refs = (SELECT count(*) FROM message m WHERE m.body_id = body.body_id)
      + (SELECT count(*) FROM queue q WHERE q.body_id = body.body_id);
    DELETE FROM body WHERE refs = 0;
  `)
  const dead = segments(db, sizes)
  db.exec(`
    UPDATE mailbox SET
      messages = (SELECT count(*) FROM entry e WHERE ${OWN}),
      unseen = (SELECT count(*) FROM entry e WHERE ${OWN} AND flags & ${SEEN} = 0),
      deleted = (SELECT count(*) FROM entry e WHERE ${OWN} AND flags & ${DELETED} <> 0),
      size_octets = coalesce((SELECT sum(size_octets) FROM entry e WHERE ${OWN}), 0),
      uid_next = max(uid_next, coalesce((SELECT max(uid) + 1 FROM entry e WHERE ${OWN}), 1),
        coalesce((SELECT max(last_uid) + 1 FROM expunged e WHERE ${OWN}), 1));
  `)
  // Every client that knew this mailbox has to look again: nothing tells what of a change it has heard.
  db.exec(`
    UPDATE account SET mod_seq = 1 + max(mod_seq,
      coalesce((SELECT max(highest_mod_seq) FROM mailbox m WHERE m.account_id = account.account_id), 0),
      coalesce((SELECT max(mod_seq) FROM entry e WHERE e.account_id = account.account_id), 0));
    UPDATE mailbox SET highest_mod_seq = (SELECT mod_seq FROM account a WHERE a.account_id = mailbox.account_id),
      flags_mod_seq = (SELECT mod_seq FROM account a WHERE a.account_id = mailbox.account_id);
    UPDATE entry SET mod_seq = (SELECT mod_seq FROM account a WHERE a.account_id = entry.account_id);
    UPDATE account SET
      used_messages = coalesce((SELECT sum(messages) FROM mailbox m WHERE m.account_id = account.account_id), 0),
      used_octets = coalesce((SELECT sum(size_octets) FROM mailbox m WHERE m.account_id = account.account_id), 0),
      next_mailbox_id = max(next_mailbox_id,
        coalesce((SELECT max(mailbox_id) + 1 FROM mailbox m WHERE m.account_id = account.account_id), 1)),
      next_message_key = max(next_message_key,
        coalesce((SELECT max(message_key) + 1 FROM entry e WHERE e.account_id = account.account_id), 1)),
      uid_validity = max(uid_validity,
        coalesce((SELECT max(uid_validity) FROM mailbox m WHERE m.account_id = account.account_id), 0));
  `)
  return dead
}

function segments(db: Database, sizes: ReadonlyMap<number, number>): number[] {
  const [newest] = db.prepare<[number]>(`SELECT seq FROM sqlite_sequence WHERE name = 'segment'`).get() ?? [0]
  db.exec('DELETE FROM segment')
  const insert = db.prepare(
    `INSERT INTO segment (segment_id, size_octets, live_octets)
     SELECT ?1, ?2, coalesce(sum(record_octets), 0) FROM body WHERE segment_id = ?1`,
  )
  for (const [segmentId, octets] of sizes) insert.run(segmentId, octets)
  db.prepare(`UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'segment'`).run(newest)
  return db
    .prepare<[number]>('DELETE FROM segment WHERE live_octets = 0 RETURNING segment_id')
    .all()
    .map(([segmentId]) => segmentId)
}
