/** App passwords: made here, never chosen, told once. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { token, type Random } from '../../std/random.ts'

/** 5 bits each: 100 in all. */
const LETTERS = 20
const GROUP = /.{4}(?=.)/g
const SHAPE = /^[a-z2-7]{20}$/
const SALT_OCTETS = 16

/** As `abcd-efgh-ijkl-mnop-qrst`: to be read from a screen and typed into a phone. */
export function makeAppPassword(random: Random): string {
  return token(random, LETTERS).replaceAll(GROUP, '$&-')
}

/** People leave the dashes out, and phones begin with a capital. @returns null for what is no app password */
export function readAppPassword(text: string): string | null {
  const letters = text.replaceAll(/[- ]/g, '').toLowerCase()
  return SHAPE.test(letters) ? letters : null
}

const hmac = (salt: string, letters: string): Buffer => createHmac('sha256', salt).update(letters).digest()

/**
 * What is kept: `salt$hash`.
 * Choice: one HMAC-SHA-256 under a salt of its own, not argon2. What is costly there is guessing a password that a person
 * chose; of 2^100 equally likely ones none is found at any price, and a phone that asks every minute costs nothing.
 */
export function hashAppPassword(letters: string, random: Random): string {
  const salt = Buffer.from(random.bytes(SALT_OCTETS)).toString('base64')
  return `${salt}$${hmac(salt, letters).toString('base64')}`
}

export function fitsAppPassword(secret: string, letters: string): boolean {
  const [salt = '', hash = ''] = secret.split('$')
  const wanted = Buffer.from(hash, 'base64')
  const found = hmac(salt, letters)
  return wanted.length === found.length && timingSafeEqual(wanted, found)
}
