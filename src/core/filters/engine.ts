import type { Address } from '../../model/address.ts'
import type { Compile, HeaderVersion, Notify, Run, Vacation } from '../../sieve/contract.ts'

/** What the room `sieve` does, as it is given to a filter. */
export type SieveEngine = {
  readonly compile: Compile
  readonly run: Run
  editHeader(header: Uint8Array, headerEnd: number, version: HeaderVersion): Buffer
  renderVacation(vacation: Vacation, options: RenderOptions): Buffer
  renderNotification(notify: Notify, owner: Address, options: RenderOptions): Buffer
}
type RenderOptions = { readonly now: number; readonly messageId: string }
