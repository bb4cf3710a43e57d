import type { Metric, Series, Snapshot } from '../../std/metrics.ts'

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

function labelled(name: string, pairs: readonly (readonly [name: string, value: string])[], number: number): string {
  const labels = pairs.map(([label, value]) => `${label}="${escapeValue(value)}"`).join(',')
  return `${name}${labels === '' ? '' : `{${labels}}`} ${number}\n`
}

function printSeries(metric: Metric, { labels, numbers }: Series): string {
  const pairs = metric.labels.map((label, index) => [label, labels[index] ?? ''] as const)
  if (metric.kind !== 'histogram') return labelled(metric.name, pairs, numbers[0] ?? 0)
  let text = ''
  let count = 0
  for (const [index, bound] of [...metric.buckets, '+Inf'].entries()) {
    count += numbers[index] ?? 0
    text += labelled(`${metric.name}_bucket`, [...pairs, ['le', String(bound)]], count)
  }
  const sum = numbers[metric.buckets.length + 1] ?? 0
  return text + labelled(`${metric.name}_sum`, pairs, sum) + labelled(`${metric.name}_count`, pairs, count)
}

/**
 * The text exposition format of Prometheus, version 0.0.4. A metric that has no labels is told before its first event
 * too; one that has labels shows its help alone until then.
 */
export function printMetrics(metrics: readonly Metric[], snapshot: Snapshot): string {
  return metrics
    .map((metric) => {
      const { name, help, kind, labels } = metric
      const none: Series[] = labels.length === 0 ? [{ labels: [], numbers: [] }] : []
      const series = snapshot.get(name) ?? none
      const lines = series.map((one) => printSeries(metric, one)).join('')
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${kind}\n${lines}`
    })
    .join('')
}

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
