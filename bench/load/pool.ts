/** Runs `count` workers that take numbers from 0 to `jobs` − 1, each the next one, until none is left. */
export async function pool(options: {
  count: number
  jobs: number
  worker: (next: () => number | null) => Promise<void>
}): Promise<void> {
  let taken = 0
  const next = (): number | null => (taken < options.jobs ? taken++ : null)
  await Promise.all(Array.from({ length: options.count }, () => options.worker(next)))
}
