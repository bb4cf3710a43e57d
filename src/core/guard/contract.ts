/** What is remembered of visitors of port 25, as the policy of that port sees it. */
export type Strangers = {
  /** Whether nothing is asked of the address: it is one of ours, or everybody's. */
  isExempt(address: string): boolean
  /** How long it must be silent before it is greeted; 0 once it has been. */
  greetingDelayMs(address: string): number
  wasSilent(address: string): void
  /** False when it has named too many recipients that are not here: it guesses, and is told nothing for now. */
  mayName(address: string): boolean
  namedUnknown(address: string): void
  /** Who brings letters for people who are here may have some dead addresses among them. */
  brought(address: string, recipients: number): void
}
