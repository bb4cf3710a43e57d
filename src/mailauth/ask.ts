import type { DnsAnswer, DnsRecords, DnsType } from '../model/dns.ts'
import type { Asking, DnsQuestion } from './contract.ts'

/** Runs a verdict; `answer` tells what DNS says. */
export async function ask<T>(
  asking: Asking<T>,
  answer: (question: DnsQuestion) => Promise<DnsAnswer<DnsRecords[DnsType]>>,
): Promise<T> {
  let step = asking.next()
  while (step.done !== true) step = asking.next(await answer(step.value))
  return step.value
}

/** As `ask`, where the answers are at hand. */
export function askAtOnce<T>(asking: Asking<T>, answer: (question: DnsQuestion) => DnsAnswer<DnsRecords[DnsType]>): T {
  let step = asking.next()
  while (step.done !== true) step = asking.next(answer(step.value))
  return step.value
}
