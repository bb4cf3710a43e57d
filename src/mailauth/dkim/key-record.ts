import { createPublicKey, type KeyObject } from 'node:crypto'

/**
 * What a domain publishes for a key that signs its mail (RFC 6376 §3.6.1; RFC 8463 §4.2).
 * @param key private or public; RSA or Ed25519
 * @throws for a key of another kind
 */
export function printDkimRecord(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  switch (publicKey.asymmetricKeyType) {
    case 'rsa':
      return `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`
    case 'ed25519': {
      const { x = '' } = publicKey.export({ format: 'jwk' })
      return `v=DKIM1; k=ed25519; p=${Buffer.from(x, 'base64url').toString('base64')}`
    }
    default:
      throw new Error(`DKIM knows no keys of the kind ${publicKey.asymmetricKeyType}`)
  }
}
