import type { Command } from './command.ts'
import { deleteAcl, getAcl, listRights, myRights, setAcl } from './command/acl.ts'
import { append, replace, uidReplace } from './command/append.ts'
import { authenticate } from './command/authenticate.ts'
import { cancelUpdate } from './command/cancel-update.ts'
import { capability } from './command/capability.ts'
import { close, unselect } from './command/close.ts'
import { compress } from './command/compress.ts'
import { copy, move, uidCopy, uidMove } from './command/copy.ts'
import { create } from './command/create.ts'
import { deleteMailbox } from './command/delete.ts'
import { enable } from './command/enable.ts'
import { esearch } from './command/esearch.ts'
import { expunge, uidExpunge } from './command/expunge.ts'
import { getMetadata, setMetadata } from './command/metadata.ts'
import { getQuota, getQuotaRoot, setQuota } from './command/quota.ts'
import { fetch, uidFetch } from './command/fetch.ts'
import { id } from './command/id.ts'
import { idle } from './command/idle.ts'
import { list } from './command/list.ts'
import { login } from './command/login.ts'
import { logout } from './command/logout.ts'
import { lsub } from './command/lsub.ts'
import { namespace } from './command/namespace.ts'
import { check, noop } from './command/noop.ts'
import { notify } from './command/notify.ts'
import { rename } from './command/rename.ts'
import { search, uidSearch } from './command/search.ts'
import { examine, select } from './command/select.ts'
import { sort, uidSort } from './command/sort.ts'
import { starttls } from './command/starttls.ts'
import { status } from './command/status.ts'
import { store, uidStore } from './command/store.ts'
import { subscribe, unsubscribe } from './command/subscribe.ts'
import { thread, uidThread } from './command/thread.ts'
import { uidBatches } from './command/uid-batches.ts'
import { unauthenticate } from './command/unauthenticate.ts'
import { genUrlAuth, resetKey, urlFetch } from './command/urlauth.ts'

/** One command, one line. */
export const COMMANDS: readonly Command[] = [
  capability,
  noop,
  logout,
  id,
  starttls,
  login,
  authenticate,
  unauthenticate,
  compress,
  enable,
  select,
  examine,
  create,
  deleteMailbox,
  rename,
  subscribe,
  unsubscribe,
  list,
  lsub,
  namespace,
  status,
  getAcl,
  setAcl,
  deleteAcl,
  listRights,
  myRights,
  getQuota,
  getQuotaRoot,
  setQuota,
  getMetadata,
  setMetadata,
  idle,
  notify,
  genUrlAuth,
  urlFetch,
  resetKey,
  check,
  close,
  unselect,
  expunge,
  uidExpunge,
  search,
  uidSearch,
  esearch,
  cancelUpdate,
  uidBatches,
  sort,
  uidSort,
  thread,
  uidThread,
  fetch,
  uidFetch,
  store,
  uidStore,
  copy,
  uidCopy,
  move,
  uidMove,
]

/** Those that carry messages. */
export const STREAMED_COMMANDS = [append, replace, uidReplace]

const BY_NAME: ReadonlyMap<string, Command> = new Map(COMMANDS.map((command) => [command.name, command]))

/** @param name in upper case, `UID FETCH` with one space */
export const commandNamed = (name: string): Command | undefined => BY_NAME.get(name)

const STREAMED_BY_NAME = new Map(STREAMED_COMMANDS.map((command) => [command.name, command]))

export const streamedNamed = (name: string): (typeof STREAMED_COMMANDS)[number] | undefined =>
  STREAMED_BY_NAME.get(name)
