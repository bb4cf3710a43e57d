const BY_STATUS: ReadonlyMap<string, string> = new Map([
  ['5.1.0', 'Check the address for typing mistakes.'],
  ['5.1.1', 'Check the address for typing mistakes, or ask the person for the right one.'],
  ['5.1.2', 'Check the part after the @ for typing mistakes.'],
  ['5.1.3', 'Check the address for typing mistakes.'],
  ['5.1.6', 'The person has moved. Ask for the new address.'],
  ['5.1.10', 'This domain takes no mail at all. Ask the person for another address.'],
  ['5.2.1', 'The mailbox is switched off. Reach the person in another way.'],
  ['5.2.2', 'The mailbox is full. Try again in a few days, or reach the person in another way.'],
  ['5.2.3', 'Send a smaller message; share large files by a link.'],
  ['5.3.4', 'Send a smaller message; share large files by a link.'],
  ['5.4.6', 'Show this message to your mail administrator: the mail went round in a circle.'],
  [
    '5.4.7',
    'The other side could not be reached in time. Check the address, and try again or reach the person in another way.',
  ],
  ['5.6.3', 'Send the message again in an ordinary format.'],
  [
    '5.6.7',
    'The other side cannot take addresses or headers with such letters. Ask the person for an address in plain letters.',
  ],
  ['5.7.10', 'The other side cannot meet the encryption you asked for. Send it again without that demand, if you may.'],
  ['5.7.30', 'The other side cannot meet the encryption you asked for. Send it again without that demand, if you may.'],
])

/** What the sender of a refused message can do, in one or two sentences. */
export function advice(status: string): string {
  const exact = BY_STATUS.get(status)
  if (exact !== undefined) return exact
  if (status.startsWith('5.7.')) {
    return 'The other side refused the message by its rules; its words above say why. Show this to your mail administrator if you think it is wrong.'
  }
  return 'The words above say why. If they do not help, show this message to your mail administrator.'
}
