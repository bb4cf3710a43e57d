/** What a page's own form sends, and whether it was that page. */
import type { WebRequest } from '../../model/web.ts'

/** `application/x-www-form-urlencoded`, in UTF-8. @returns null for anything else */
export function formOf({ header, body }: WebRequest): URLSearchParams | null {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(header('content-type') ?? '')) return null
  try {
    return new URLSearchParams(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return null
  }
}

/**
 * Whether a form was sent from a page of this very origin. By Fetch Metadata, which a page cannot forge; a browser without
 * it (before 2023) tells the origin, which is `null` where pages send no Referer, as ours do.
 */
export function isFromOwnPage({ header }: WebRequest): boolean {
  const site = header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = header('origin')
  return (
    origin === 'null' ||
    (origin !== undefined && origin.toLowerCase() === `https://${header('host') ?? ''}`.toLowerCase())
  )
}
