/** DNSSEC's verdicts as they come from a validating resolver, and what delivery makes of them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSystemRandom, systemClock } from '../../src/app/machine.ts'
import { createResolver } from '../../src/net/resolver.ts'
import { findAddresses, findMailHosts } from '../../src/outbound/delivery/hosts.ts'
import { findSecurity } from '../../src/outbound/delivery/security.ts'
import { peerTest } from './peers.ts'
import { startSignedZones } from './signed-zones.ts'

const DIGEST = 'ab'.repeat(32)
const RECORDS = `@ MX 10 mx
@ TXT ( ${Array.from({ length: 40 }, (_, i) => `"${String(i).padStart(2, '0')}${'x'.repeat(60)}"`).join(' ')} )
mx CNAME end
end A 192.0.2.1
bare A 192.0.2.2
_25._tcp.end TLSA 3 1 1 ${DIGEST}
`

peerTest(['knotd', 'keymgr', 'unbound'], 'DNSSEC: signed, unsigned and bogus zones', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gavan-dnssec-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await using zones = await startSignedZones(folder, RECORDS)
  const random = createSystemRandom()
  const of = (trustAd: boolean) =>
    createResolver({ clock: systemClock, random, servers: [{ address: '127.0.0.1', port: zones.port }], trustAd })
  const resolver = of(true)
  const status = async (name: string, type: 'A' | 'MX' | 'TLSA' | 'TXT', by = resolver) => {
    const answer = await by.query(name, type)
    return answer.at === 'failed' ? answer.why : `${answer.at} ${answer.authenticated === true ? 'signed' : 'unsigned'}`
  }

  await t.test('AD on what is there and on what is not; never from whom it is not trusted', async () => {
    assert.equal(await status('signed.test', 'MX'), 'found signed', zones.log())
    assert.equal(await status('_25._tcp.end.signed.test', 'TLSA'), 'found signed')
    assert.equal(await status('_25._tcp.bare.signed.test', 'TLSA'), 'no-such-domain signed')
    assert.equal(await status('bare.signed.test', 'MX'), 'no-data signed')
    assert.equal(await status('plain.test', 'MX'), 'found unsigned')
    assert.equal(await status('bare.plain.test', 'MX'), 'no-data unsigned')
    assert.equal(await status('gone.plain.test', 'MX'), 'no-such-domain unsigned')
    assert.equal(await status('bogus.test', 'MX'), 'servfail')
    assert.equal(await status('_25._tcp.end.bogus.test', 'TLSA'), 'servfail')
    assert.equal(await status('signed.test', 'MX', of(false)), 'found unsigned')
  })

  await t.test('an answer too long for a packet comes whole and signed', async () => {
    const answer = await resolver.query('signed.test', 'TXT')
    assert.ok(answer.at === 'found' && answer.authenticated)
    assert.equal(answer.records[0]?.length, 40 * 62)
  })

  await t.test('what a delivery does with it', async () => {
    const ourselves = { hostname: 'mail.home.test', names: [], addresses: [], loopbackIsForeign: false }
    const look = async (domain: string) => {
      const list = await findMailHosts(domain, { resolver, random, ourselves })
      if (list.at === 'failed') return `${list.permanent ? 'failed' : 'waits'} ${list.answer.status}`
      const [host] = list.hosts
      const found = await findAddresses(host!, { resolver, ourselves, mayBeOurselves: false })
      assert.equal(found.at, 'addresses')
      const { answers } = found as { answers: Parameters<typeof findSecurity>[0]['addresses'] }
      const asked = { name: host!.name, addresses: answers }
      const { security } = await findSecurity(asked, {
        resolver,
        port: 25,
        secureList: list.authenticated,
        policy: null,
      })
      return security.by === 'dane' ? `DANE at ${security.binding.base}` : security.by
    }
    assert.equal(await look('signed.test'), 'DANE at end.signed.test')
    assert.equal(await look('bare.signed.test'), 'nothing')
    assert.equal(await look('plain.test'), 'nothing')
    assert.equal(await look('bogus.test'), 'waits 4.4.3')
    assert.equal(await look('gone.signed.test'), 'failed 5.1.2')
  })
})
