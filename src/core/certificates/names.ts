/** Subdomains that mail programs and servers ask over HTTPS: autoconfig, RFC 8461 §3.3, autodiscover. */
const DOMAIN_PREFIXES = ['autoconfig', 'mta-sts', 'autodiscover'] as const

/** Names that the certificate should have, the server's own first. */
export function certificateNames(options: {
  hostname: string
  domains: readonly string[]
  more: readonly string[]
}): readonly string[] {
  const { hostname, domains, more } = options
  const ofDomains = domains.flatMap((domain) => DOMAIN_PREFIXES.map((prefix) => `${prefix}.${domain}`))
  // An internationalized domain has its A-label form in a certificate; those that are none already are left alone.
  return [...new Set([hostname, ...more, ...ofDomains])].filter((name) => /^(\*\.)?[a-z0-9.-]+$/.test(name))
}
