/** docs/metrics.md: every number that is told to Prometheus. */
import { scan } from '../scan.ts'
import { cell, page, type Source } from './page.ts'

const PATH = 'src/model/metrics.ts'
const SECTION = /^\/\/ ([^-].*?) -{3,}$/
const METRIC = /^export const ([A-Z0-9_]+) = /

type Metric = {
  readonly name: string
  readonly kind: string
  readonly help: string
  readonly labels: readonly string[]
}

const isMetric = (value: unknown): value is Metric => typeof value === 'object' && value !== null && 'kind' in value

export async function metricsPage(sources: readonly Source[]): Promise<string> {
  const source = sources.find(({ path }) => path === PATH)
  const values = (await import(`../../${PATH}`)) as Record<string, unknown>
  const whoCounts = (constant: string): string =>
    sources
      .filter(({ path, text }) => path !== PATH && new RegExp(`\\b${constant}\\b`).test(scan(text).code))
      .map(({ path }) => `[${path.replace(/^src\//, '')}](../${path})`)
      .join(', ')
  const body: string[] = []
  for (const line of source?.text.split('\n') ?? []) {
    const section = SECTION.exec(line)?.[1]
    const constant = METRIC.exec(line)?.[1]
    if (section !== undefined)
      body.push('', `## ${section}`, '', '| metric | kind | labels | what | counted in |', '|---|---|---|---|---|')
    if (constant === undefined) continue
    const metric = values[constant]
    if (!isMetric(metric)) continue
    const labels = metric.labels.map((label) => `\`${label}\``).join(', ')
    body.push(`| \`${metric.name}\` | ${metric.kind} | ${labels} | ${cell(metric.help)} | ${whoCounts(constant)} |`)
  }
  const intro = `What gavan tells Prometheus at \`/metrics\`, from [${PATH}](../${PATH}). How to use it, and alerts: [guide/metrics.md](guide/metrics.md).`
  return page('Metrics', intro, body.slice(1))
}
