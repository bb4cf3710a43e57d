import type { Extension } from '../spec.ts'

/** RFC 3894: the implicit keep stands. */
export const copy: Extension = {
  capability: 'copy',
  adds: [{ to: ['fileinto', 'redirect'], tags: [{ name: 'copy' }] }],
}
