/** Line ends of whole messages, as they stream: CRLF as mail has it, LF as files of Unix have it. */
const CR = 13
const LF = 10

export type Rewriter = {
  push(chunk: Uint8Array): Uint8Array
  /** What was held back. */
  finish(): Uint8Array
}

const NOTHING = new Uint8Array(0)

/**
 * For messages out of files. The first line end decides: after CRLF every octet stays as it is; after LF alone each
 * other LF alone becomes CRLF too.
 */
export function toCrlf(): Rewriter {
  let mode: 'undecided' | 'as-is' | 'convert' = 'undecided'
  let last = 0

  function convert(chunk: Uint8Array): Uint8Array {
    let bare = 0
    for (let i = chunk.indexOf(LF); i !== -1; i = chunk.indexOf(LF, i + 1)) {
      if ((i === 0 ? last : chunk[i - 1]) !== CR) bare++
    }
    if (bare === 0) return chunk
    const out = new Uint8Array(chunk.length + bare)
    let [from, to] = [0, 0]
    for (let i = chunk.indexOf(LF); i !== -1; i = chunk.indexOf(LF, i + 1)) {
      if ((i === 0 ? last : chunk[i - 1]) === CR) continue
      out.set(chunk.subarray(from, i), to)
      to += i - from
      out[to++] = CR
      from = i
    }
    out.set(chunk.subarray(from), to)
    return out
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return chunk
      if (mode === 'undecided') {
        const first = chunk.indexOf(LF)
        if (first !== -1) mode = (first === 0 ? last : chunk[first - 1]) === CR ? 'as-is' : 'convert'
      }
      const out = mode === 'convert' ? convert(chunk) : chunk
      last = chunk[chunk.length - 1]!
      return out
    },
    finish: () => NOTHING,
  }
}

/** Drops the CR of each CRLF. For content that `lineEndsOf` calls `crlf`: only there it can be undone. */
export function toLf(): Rewriter {
  let held = false
  return {
    push(chunk) {
      const out = new Uint8Array(chunk.length + 1)
      let [from, to] = [0, 0]
      if (held && chunk.length > 0) {
        if (chunk[0] !== LF) out[to++] = CR
        held = false
      }
      for (let i = chunk.indexOf(CR); i !== -1; i = chunk.indexOf(CR, i + 1)) {
        if (i + 1 < chunk.length && chunk[i + 1] !== LF) continue
        out.set(chunk.subarray(from, i), to)
        to += i - from
        from = i + 1
        if (i + 1 === chunk.length) held = true
      }
      out.set(chunk.subarray(from), to)
      return out.subarray(0, to + chunk.length - from)
    },
    finish: () => (held ? Uint8Array.of(CR) : NOTHING),
  }
}

/** `crlf`: every CR and every LF belongs to a CRLF. @returns a function to push chunks to, and one for the answer */
export function lineEndsOf(): { push(chunk: Uint8Array): void; finish(): 'crlf' | 'other' } {
  let mixed = false
  let last = 0
  return {
    push(chunk) {
      if (mixed || chunk.length === 0) return
      if (last === CR && chunk[0] !== LF) mixed = true
      for (let i = chunk.indexOf(LF); i !== -1 && !mixed; i = chunk.indexOf(LF, i + 1)) {
        if ((i === 0 ? last : chunk[i - 1]) !== CR) mixed = true
      }
      for (let i = chunk.indexOf(CR); i !== -1 && !mixed; i = chunk.indexOf(CR, i + 1)) {
        if (i + 1 < chunk.length && chunk[i + 1] !== LF) mixed = true
      }
      last = chunk[chunk.length - 1]!
    },
    finish: () => (mixed || last === CR ? 'other' : 'crlf'),
  }
}
