/** Outlook's autodiscover: POX (MS-OXDSCLI), and the JSON that leads there. */
import type { ClientServer } from '../../model/client-server.ts'
import { escapeXml } from './xml.ts'

const RESPONSE_SCHEMA = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'

/** MS-OXDSCLI §2.2.4: the answer for a mail program that asked for Outlook's schema. */
export function printAutodiscover(facts: {
  readonly address: string
  readonly servers: readonly ClientServer[]
}): string {
  const protocols = facts.servers.map(
    ({ protocol, host, port, security }) => `      <Protocol>
        <Type>${protocol.toUpperCase()}</Type>
        <Server>${escapeXml(host)}</Server>
        <Port>${port}</Port>
        <DomainRequired>off</DomainRequired>
        <LoginName>${escapeXml(facts.address)}</LoginName>
        <SPA>off</SPA>
        <SSL>${security === 'tls' ? 'on' : 'off'}</SSL>
        <Encryption>${security === 'tls' ? 'SSL' : 'TLS'}</Encryption>
        <AuthRequired>on</AuthRequired>
      </Protocol>
`,
  )
  return `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response xmlns="${RESPONSE_SCHEMA}">
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
${protocols.join('')}    </Account>
  </Response>
</Autodiscover>
`
}

/** MS-OXDSCLI §2.2.4.1.1.3: what is said when nothing can be told. */
export function printAutodiscoverError(code: number, message: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  <Response>
    <Error Time="00:00:00.0000000" Id="0">
      <ErrorCode>${code}</ErrorCode>
      <Message>${escapeXml(message)}</Message>
      <DebugData/>
    </Error>
  </Response>
</Autodiscover>
`
}

/**
 * The address that an autodiscover request asks for (MS-OXDSCLI §2.2.3). The one element is looked for and nothing is
 * parsed, so no entity is ever expanded (S29).
 * @returns null when it is missing, or the octets are no UTF-8
 */
export function autodiscoverAddress(body: Uint8Array): string | null {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return null
  }
  const open = '<EMailAddress>'
  const start = text.indexOf(open)
  const end = start === -1 ? -1 : text.indexOf('</EMailAddress>', start)
  return end === -1 ? null : text.slice(start + open.length, end).trim()
}
