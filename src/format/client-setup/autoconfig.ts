/** Thunderbird's config-v1.1.xml (draft-ietf-mailmaint-autoconfig), which other mail programs read too. */
import type { ClientServer } from '../../model/client-server.ts'
import { escapeXml } from './xml.ts'

/** @param address null: the mail program fills in its own (`%EMAILADDRESS%`) */
export function printAutoconfig(facts: {
  readonly domain: string
  readonly servers: readonly ClientServer[]
  readonly address: string | null
}): string {
  const domain = escapeXml(facts.domain)
  const user = facts.address === null ? '%EMAILADDRESS%' : escapeXml(facts.address)
  const servers = facts.servers.map((server) => {
    const element = server.protocol === 'smtp' ? 'outgoingServer' : 'incomingServer'
    return `    <${element} type="${server.protocol}">
      <hostname>${escapeXml(server.host)}</hostname>
      <port>${server.port}</port>
      <socketType>${server.security === 'tls' ? 'SSL' : 'STARTTLS'}</socketType>
      <authentication>password-cleartext</authentication>
      <username>${user}</username>
    </${element}>
`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${domain}">
    <domain>${domain}</domain>
    <displayName>${domain}</displayName>
    <displayShortName>${domain}</displayShortName>
${servers.join('')}  </emailProvider>
</clientConfig>
`
}
