declare const brand: unique symbol
/** A primitive that is minted in one place and cannot be mistaken for another of the same shape. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
