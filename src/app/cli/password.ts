import { randomInt } from 'node:crypto'
import { Secret } from '../../std/secret.ts'
import { CliError, EXIT } from './output.ts'

const WORDS =
  'amber anchor basin beacon birch breeze bridge canal cedar clover coral cove delta dune ember fern fjord gale garnet glade gull harbor hazel heron inlet island ivory jetty juniper kelp lagoon lantern laurel ledge linden maple marble marina meadow mist morning north oak opal orchid osprey otter pearl pebble pier pine plover quartz quay rain reef ridge river rowan sail sand shell shore silver sky spruce star stone storm summit surf swan thistle tide timber valley velvet violet wave west willow wind winter wren'.split(
    ' ',
  )

/** Four words and two digits: 4 × 6.4 + 6.5 bits ≈ 32 bits, behind argon2id and the limits on guessing; easy to read out loud. */
export function makePassword(): Secret {
  const words = Array.from({ length: 4 }, () => WORDS[randomInt(WORDS.length)])
  return new Secret(`${words.join('-')}-${randomInt(10, 100)}`)
}

/** The first line of standard input. Secrets never come in flags, where every process of the machine can read them. */
export async function readPassword(): Promise<Secret> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.includes('\n')) break
  }
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  if (line === '')
    throw new CliError(EXIT.usage, 'standard input holds no password', 'echo the-password | gavan user …')
  return new Secret(line)
}
