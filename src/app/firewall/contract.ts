/** Loading rules on this host: by tools that are there, each run with a list of arguments and no shell. */

export const APPLIABLE = ['nftables', 'iptables', 'ufw', 'firewalld'] as const
export type Appliable = (typeof APPLIABLE)[number]
export const isAppliable = (format: string): format is Appliable => APPLIABLE.some((each) => each === format)

/** What went wrong, and what is there now. */
export class FirewallFailure extends Error {
  override name = 'FirewallFailure'
  readonly fix: string | null
  constructor(cause: string, fix: string | null = null) {
    super(cause)
    this.fix = fix
  }
}

/** What each tool's rules of gavan are, as lines that can be compared; and how to put them there. */
export type Loader = {
  /** What is loaded now, ours only. */
  readonly loaded: () => Promise<readonly string[]>
  /** What would be loaded, in the same words. */
  readonly wanted: () => Promise<readonly string[]>
  /** All or nothing. */
  readonly load: () => Promise<void>
  readonly unload: () => Promise<void>
  /** Puts back what `loaded` stood for when the loader was made. */
  readonly restore: () => Promise<void>
}
