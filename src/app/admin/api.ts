/** The one admin API: what the command line can do, and later the admin's pages. A route is a row of data. */
import * as v from 'valibot'
import type { AccessKeyOperator, BanOperator, Directory, Mailboxes, QueueOperator } from '../../core/contract.ts'
import type { CertificateOperator } from './certificates.ts'
import type { DkimOperator } from '../dkim-operator.ts'
import type { JunkOperator } from './junk.ts'
import type { LinkGiver } from './links.ts'
import type { PortsView } from './ports.ts'
import type { Reloader } from '../reload/reload.ts'
import type { SearchIndexOperator } from './search-index.ts'
import { StoreError, type StoredStsPolicy } from '../../store/contract.ts'

export type AdminAnswer = { readonly status: number; readonly body: Record<string, unknown> }

export type AdminApi = { handle(method: string, url: string, body: unknown): Promise<AdminAnswer> }

export type AdminParts = {
  readonly directory: Directory
  readonly queue: QueueOperator
  /** Null when there is no such account. */
  readonly mailboxesOf: (address: string) => Promise<Mailboxes | null>
  readonly accessKeys?: AccessKeyOperator
  /** Absent where no server runs. */
  readonly bans?: BanOperator
  /** Absent where there is no telling where a link would lead. */
  readonly links?: LinkGiver
  /** What `GET /v1/health` tells. */
  readonly health: () => Promise<Record<string, unknown>>
  /** Absent where no server runs. */
  readonly ports?: () => Promise<PortsView>
  /** Absent where there are none to look after. */
  readonly certificates?: CertificateOperator
  /** Absent where no server runs on a file. */
  readonly reload?: Reloader
  readonly searchIndex?: SearchIndexOperator
  readonly junk?: JunkOperator
  /** Absent where no server runs. */
  readonly stsPolicy?: (domain: string) => Promise<StoredStsPolicy | null>
  /** Absent where no server runs. */
  readonly dkim?: DkimOperator
}

export type AdminRoute = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:name` stands for one path segment, percent-decoded. */
  readonly path: string
  readonly summary: string
  readonly handle: (parts: AdminParts, params: Record<string, string>, body: unknown) => Promise<AdminAnswer>
}

/** One route with its body's schema; a body that does not fit is answered here. */
export function route<Schema extends v.GenericSchema>(row: {
  method: AdminRoute['method']
  path: string
  summary: string
  body: Schema
  run: (parts: AdminParts, params: Record<string, string>, body: v.InferOutput<Schema>) => Promise<AdminAnswer>
}): AdminRoute {
  const { method, path, summary, body: schema, run } = row
  return {
    method,
    path,
    summary,
    async handle(parts, params, body) {
      const parsed = v.safeParse(schema, body)
      if (parsed.success) return run(parts, params, parsed.output)
      const issue = parsed.issues[0]
      const where = issue.path?.map((item) => String(item.key)).join('.') ?? 'body'
      return refused(400, `${where}: ${issue.message}`, null)
    },
  }
}

export const done = (body: Record<string, unknown> = {}): AdminAnswer => ({ status: 200, body })

/** Nothing was changed. `fix` says what to do about it. */
export const refused = (status: number, cause: string, fix: string | null): AdminAnswer => ({
  status,
  body: { error: { cause, fix } },
})

function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(text)
    else if (part !== text) return null
  }
  return params
}

export function createAdminApi(parts: AdminParts, routes: readonly AdminRoute[]): AdminApi {
  return {
    async handle(method, url, body) {
      const path = url.split('?', 1)[0] ?? '/'
      try {
        let known = false
        for (const row of routes) {
          const params = match(row.path, path)
          if (params === null) continue
          known = true
          if (row.method === method) return await row.handle(parts, params, body)
        }
        return known ? refused(405, `${method} is not for ${path}`, null) : refused(404, `nothing at ${path}`, null)
      } catch (error) {
        if (error instanceof URIError) return refused(400, `${path} is not well percent-encoded`, null)
        if (error instanceof StoreError) return refused(503, `the store: ${error.message}`, 'try again; see the log')
        throw error
      }
    },
  }
}
