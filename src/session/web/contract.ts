import type { StsPolicy } from '../../format/mta-sts/policy.ts'
import type { ClientServer } from '../../model/client-server.ts'
import type { Site } from '../../model/web.ts'

/** What the pages of 443 tell, and of whom. */
export type SiteFacts = {
  readonly hostname: string
  /** How browsers reach it: `https://mail.example.org`, with the port when it is not 443. */
  readonly origin: string
  /** Domains whose mail is kept here, lower-case. */
  readonly domains: () => Promise<ReadonlySet<string>>
  /** What a mail program at this address can reach, the best first. */
  readonly serversFor: (remote: string) => readonly ClientServer[]
  /** Null: none is published. */
  readonly stsPolicy: StsPolicy | null
  /** Whether the certificate is one that browsers trust: then they are told to come by HTTPS only (RFC 6797 §7.1). */
  readonly trusted: () => boolean
  /** A content with our signature (CMS); null: nobody would believe it, as with a certificate of our own making. */
  readonly signed: (content: Uint8Array) => Uint8Array | null
  /** The page that one-time links lead to. */
  readonly welcome: Site
  /** QR code of a text, as SVG. */
  readonly qrCode: (text: string) => string
}
