const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** Strict base64 (RFC 4648 §4): whole groups, no blanks. @returns null when malformed */
export function decodeBase64(text: string): Buffer | null {
  return text.length % 4 === 0 && BASE64.test(text) ? Buffer.from(text, 'base64') : null
}

/** An initial response as AUTH commands carry it: `=` is the empty one (RFC 4954 §4, RFC 4959 §3, RFC 5034 §4). */
export function decodeInitialResponse(text: string): Buffer | null {
  return text === '=' ? Buffer.alloc(0) : decodeBase64(text)
}
