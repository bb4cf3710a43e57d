/** A map of bounded size that forgets what was not asked for longest. */
export type Recent<V> = {
  /** The value, made when there is none; now the freshest. */
  get(key: string): V
  peek(key: string): V | undefined
  delete(key: string): void
  deleteWhere(matches: (key: string) => boolean): void
  /** Oldest first. */
  entries(): IterableIterator<[string, V]>
  values(): IterableIterator<V>
  readonly size: number
}

export function createRecent<V>(options: { entriesMax: number; make: () => V }): Recent<V> {
  const entries = new Map<string, V>()
  return {
    get(key) {
      const value = entries.get(key) ?? options.make()
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > options.entriesMax) entries.delete(entries.keys().next().value!)
      return value
    },
    peek: (key) => entries.get(key),
    delete: (key) => void entries.delete(key),
    deleteWhere(matches) {
      for (const key of entries.keys()) if (matches(key)) entries.delete(key)
    },
    entries: () => entries.entries(),
    values: () => entries.values(),
    get size() {
      return entries.size
    },
  }
}
