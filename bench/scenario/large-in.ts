import { rate, type Scenario } from '../scenario.ts'
import { mailIn } from './mail-in.ts'

const MIB = 1024 * 1024

export const scenario: Scenario = {
  name: 'large-in',
  about: '10 MiB letters on port 25, 4 connections; until IMAP counts them all; CPU is for each letter',
  rounds: 3,
  warmUp: true,
  async run(stage) {
    const messages = stage.size(24, 4)
    const time = await mailIn(stage, { connections: 4, messages, perConnection: 100, octets: 10 * MIB })
    const megabytes = (messages * 10 * MIB) / 1e6
    return [{ ...rate('10 MiB letters in', messages, time), value: megabytes / time.seconds, unit: 'MB/s' }]
  },
}
