import { fileLetter } from '../deliver.ts'
import { string, tagString } from '../machine.ts'
import type { Extension } from '../spec.ts'

/** RFC 5228 §4.1. */
export const fileinto: Extension = {
  capability: 'fileinto',
  commands: [
    {
      name: 'fileinto',
      args: [{ what: 'the mailbox', kind: 'string' }],
      run(machine, node) {
        fileLetter(machine, node, string(machine, node, 0), tagString(machine, node, 'specialuse'))
        return null
      },
    },
  ],
}
