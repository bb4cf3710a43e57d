import { readFile } from 'node:fs/promises'
import { parseTsigKey, type TsigKey } from '../../net/tsig.ts'
import { Secret } from '../../std/secret.ts'
import type { Complain, Values } from './build.ts'
import type { AcmeConfig } from './config.ts'

/** What belongs to a CA, in the words of the file. */
const NEEDS_ACME = {
  tlsAcmeContact: 'tls.acme_contact',
  tlsNames: 'tls.names',
  tlsAcmeDns: 'tls.acme_dns',
  tlsAcmeKey: 'tls.acme_key',
  tlsAcmeProfile: 'tls.acme_profile',
  tlsAcmeEabKid: 'tls.acme_eab_kid',
  tlsAcmeEabKeyFile: 'tls.acme_eab_key_file',
  tlsAcmeCaFile: 'tls.acme_ca_file',
} as const satisfies Partial<Record<keyof Values, string>>

/** @returns null when no CA is asked */
export async function acmeOf(
  values: Values,
  inDirectory: (path: string) => string,
  complain: Complain,
): Promise<AcmeConfig | null> {
  const { tlsAcme: directory = 'off' } = values
  if (directory === 'off') {
    for (const [value, key] of Object.entries(NEEDS_ACME)) {
      if (values[value as keyof typeof NEEDS_ACME] === undefined) continue
      // Switched off by hand, the rest may stay for the day it is on again.
      if (values.tlsAcme === undefined) complain(key, 'no CA is named', 'tls.acme = "letsencrypt"')
    }
    return null
  }
  if (values.tlsCert !== undefined)
    complain('tls.acme', 'there is tls.cert too', 'remove one: certificates come from files or from a CA')
  const read = async (key: string, path: string): Promise<string | null> => {
    try {
      return await readFile(inDirectory(path), 'utf8')
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      complain(key, `${inDirectory(path)} cannot be read: ${code}`, null)
      return null
    }
  }
  const ca = values.tlsAcmeCaFile === undefined ? null : await read('tls.acme_ca_file', values.tlsAcmeCaFile)
  if (ca !== null && !ca.includes('-----BEGIN CERTIFICATE-----'))
    complain('tls.acme_ca_file', 'it holds no PEM certificate', null)
  const wildcard = values.tlsNames?.find((name) => name.startsWith('*.'))
  if (wildcard !== undefined && values.tlsAcmeDns === undefined)
    complain('tls.names', `${wildcard} can be proven in DNS only`, 'set tls.acme_dns')
  return {
    directory,
    contact: values.tlsAcmeContact ?? null,
    names: values.tlsNames ?? [],
    profile: values.tlsAcmeProfile ?? null,
    key: values.tlsAcmeKey ?? 'keep',
    binding: await bindingOf(values, read, complain),
    ca,
    dns: await dnsOf(values, read, complain),
  }
}

type Read = (key: string, path: string) => Promise<string | null>

async function bindingOf(values: Values, read: Read, complain: Complain): Promise<AcmeConfig['binding']> {
  const { tlsAcmeEabKid: keyId, tlsAcmeEabKeyFile: keyFile } = values
  if (keyId === undefined && keyFile === undefined) return null
  if (keyId === undefined || keyFile === undefined) {
    const key = keyId === undefined ? 'tls.acme_eab_key_file' : 'tls.acme_eab_kid'
    complain(
      key,
      'the binding has a key or its identifier, but not both',
      'set tls.acme_eab_kid and tls.acme_eab_key_file',
    )
    return null
  }
  const macKey = (await read('tls.acme_eab_key_file', keyFile))?.trim()
  if (macKey === undefined) return null
  if (!/^[\w-]+={0,2}$/.test(macKey))
    complain('tls.acme_eab_key_file', 'it holds no base64url', 'put the key there as the CA gave it')
  return { keyId, macKey: new Secret(macKey) }
}

async function dnsOf(values: Values, read: Read, complain: Complain): Promise<AcmeConfig['dns']> {
  const setting = values.tlsAcmeDns
  if (setting === undefined) return null
  const text = await read('tls.acme_dns', setting.key_file)
  const key = text === null ? null : parseTsigKey(text)
  if (key === null) return null
  if (!key.ok) {
    complain('tls.acme_dns', `${setting.key_file}: ${key.error}`, 'make one: tsig-keygen gavan.')
    return null
  }
  const { server, zone } = setting
  return { server, zone, key: key.value satisfies TsigKey }
}
