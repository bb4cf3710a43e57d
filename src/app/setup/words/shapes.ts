/** What reads the same in both languages. */
import type { HeldPort } from '../../doctor/contract.ts'

/** `nginx (pid 812, nginx.service)`. */
export function holderName({ name, pid, unit, container }: HeldPort): string {
  const more = [
    `pid ${pid}`,
    ...(unit === null ? [] : [unit]),
    ...(container === null ? [] : [`container ${container}`]),
  ]
  return `${name} (${more.join(', ')})`
}

const GIB = 1024 ** 3

/** In GB, as machines are sold: rounded up a little less than a quarter. */
export const memory = (octets: number): string => String(Math.max(0.5, Math.round((octets / GIB) * 2) / 2))

export const octal = (mode: number): string => mode.toString(8).padStart(4, '0')
