/** Numbers about the running program. Each thread counts for itself; whoever asks adds up what the threads tell. */

type Named<L extends string> = { readonly name: string; readonly help: string; readonly labels: readonly L[] }
export type Counter<L extends string = never> = Named<L> & { readonly kind: 'counter' }
export type Gauge<L extends string = never> = Named<L> & { readonly kind: 'gauge' }
export type Histogram<L extends string = never> = Named<L> & {
  readonly kind: 'histogram'
  /** Upper bounds, ascending; the last bucket, for all, is understood. */
  readonly buckets: readonly number[]
}
export type Metric = Counter<string> | Gauge<string> | Histogram<string>

/** Values come from our own words, never from a peer: each combination is a series that stays. */
export type Labels<L extends string> = { readonly [K in L]: string }

export type Metrics = {
  add<L extends string>(counter: Counter<L>, labels: Labels<L>, by?: number): void
  set<L extends string>(gauge: Gauge<L>, labels: Labels<L>, value: number): void
  observe<L extends string>(histogram: Histogram<L>, labels: Labels<L>, value: number): void
}

export const noMetrics: Metrics = { add() {}, set() {}, observe() {} }

/** Plain data, crosses threads. `numbers`: one, or a histogram's counts by bucket, the count above all, the sum. */
export type Series = { readonly labels: readonly string[]; readonly numbers: readonly number[] }
export type Snapshot = ReadonlyMap<string, readonly Series[]>

/** A label whose values were endless would eat the memory: more series of one metric are not kept. */
const SERIES_MAX = 500

export function createMetrics(): Metrics & { snapshot(): Snapshot } {
  const all = new Map<string, Map<string, { labels: readonly string[]; numbers: number[] }>>()

  const numbersOf = <L extends string>(metric: Named<L>, labels: Labels<L>, count: number): number[] | null => {
    let series = all.get(metric.name)
    if (series === undefined) all.set(metric.name, (series = new Map()))
    let key = ''
    for (const label of metric.labels) key += `${labels[label]}\n`
    let one = series.get(key)
    if (one === undefined) {
      if (series.size >= SERIES_MAX) return null
      one = { labels: metric.labels.map((label) => labels[label]), numbers: Array.from({ length: count }, () => 0) }
      series.set(key, one)
    }
    return one.numbers
  }

  return {
    add(counter, labels, by = 1) {
      const numbers = numbersOf(counter, labels, 1)
      if (numbers !== null) numbers[0]! += by
    },
    set(gauge, labels, value) {
      const numbers = numbersOf(gauge, labels, 1)
      if (numbers !== null) numbers[0] = value
    },
    observe(histogram, labels, value) {
      const { buckets } = histogram
      const numbers = numbersOf(histogram, labels, buckets.length + 2)
      if (numbers === null) return
      let at = 0
      while (at < buckets.length && value > buckets[at]!) at++
      numbers[at]! += 1
      numbers[buckets.length + 1]! += value
    },
    snapshot: () => new Map([...all].map(([name, series]) => [name, [...series.values()]])),
  }
}

/** Adds series up that have the same labels. */
export function sumSnapshots(snapshots: readonly Snapshot[]): Snapshot {
  const sums = new Map<string, Map<string, { labels: readonly string[]; numbers: number[] }>>()
  for (const snapshot of snapshots) {
    for (const [name, series] of snapshot) {
      const sum = sums.getOrInsertComputed(name, () => new Map())
      for (const { labels, numbers } of series) {
        const key = labels.join('\n')
        const known = sum.get(key)
        if (known === undefined) sum.set(key, { labels, numbers: [...numbers] })
        else numbers.forEach((number, index) => (known.numbers[index]! += number))
      }
    }
  }
  return new Map([...sums].map(([name, series]) => [name, [...series.values()]]))
}
