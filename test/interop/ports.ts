/** Free ports on loopback. */
import { createServer } from 'node:net'

/** What `gavan try` listens on, before the offset. */
const STANDARD = [25, 587, 143, 993, 110, 995, 80, 443]

const isFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host }, () => server.close(() => resolve(true)))
  })

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** An offset at which all of gavan's ports are free now. Below the range from which the system takes ports by itself. */
export async function freeOffset(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const offset = 10_000 + 10 * Math.floor(Math.random() * 2_000)
    const free = await Promise.all(STANDARD.map((port) => isFree(port + offset, '127.0.0.1')))
    if (free.every(Boolean)) return offset
  }
  throw new Error('no free ports')
}
