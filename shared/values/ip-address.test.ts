import { expect, test } from 'vitest'
import { asIpv4, isWithin, parseAddress, parseNetwork } from './ip-address.ts'

/** Whether an address lies within a network, as the list of a key is read. */
function isIn(addressText: string, networkText: string): boolean {
  const [address, network] = [parseAddress(addressText), parseNetwork(networkText)]
  if (!address || !network) throw new Error(`${addressText} or ${networkText} cannot be read`)
  return isWithin(asIpv4(address), asIpv4(network))
}

/** A network with its first and last address, and the neighbours outside of it. */
test.each<[network: string, inside: string[], outside: string[]]>([
  ['203.0.113.7', ['203.0.113.7', '::ffff:203.0.113.7', '::FFFF:CB00:7107'], ['203.0.113.6', '203.0.113.8', '::203.0.113.7']],
  ['203.0.113.7/32', ['203.0.113.7'], ['203.0.113.6', '203.0.113.8']],
  ['203.0.113.8/29', ['203.0.113.8', '203.0.113.15', '::ffff:203.0.113.9'], ['203.0.113.7', '203.0.113.16']],
  ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0', '::a00:0']],
  ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255', '8000::']],
  ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::', '2001:db8::1']],
  ['2001:db8::1', ['2001:db8::1', '2001:0DB8:0:0:0:0:0:1'], ['2001:db8::', '2001:db8::2']],
  ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'], ['2001:db7:ffff::', '2001:db9::', '32.1.13.184']],
  ['2001:db8::8/125', ['2001:db8::8', '2001:db8::f'], ['2001:db8::7', '2001:db8::10']],
  ['::/0', ['::', 'ffff::', '::ffff:0:1.2.3.4'], ['1.2.3.4', '::ffff:1.2.3.4']],
  ['::ffff:203.0.113.7', ['203.0.113.7', '::ffff:203.0.113.7'], ['203.0.113.8']],
  ['::ffff:203.0.113.0/120', ['203.0.113.0', '203.0.113.255'], ['203.0.114.0']],
  ['::ffff:0:0/96', ['0.0.0.0', '255.255.255.255'], ['::1']],
])('%s holds its own addresses and no other', (network, inside, outside) => {
  for (const address of inside) expect([address, isIn(address, network)]).toEqual([address, true])
  for (const address of outside) expect([address, isIn(address, network)]).toEqual([address, false])
})

test.each([
  ...[
    '',
    '/',
    '/8',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.04',
    '0x1.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\0',
    '１.2.3.4',
  ],
  ...['1.2.3.4/', '1.2.3.4/33', '1.2.3.4/032', '1.2.3.0/024', '1.2.3.0/24/24', '1.2.3.0/-1', '1.2.3.0/+24', '1.2.3.0/24.0', '1.2.3.0/1e1'],
  ...['1.2.3.4/24', '10.0.0.1/8', '128.0.0.0/0', '1.2.3.0/255.255.255.0', '1.2.3.*', '1.2.3.0-1.2.3.9', '4294967295'],
  ...[':', ':::', '1::2::3', '12345::', 'g::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::1%eth0', '[::1]', '::1.2.3', '::1.2.3.04'],
  ...['::/129', '::/0128', '::1/64', '2001:db8::/16', '::ffff:1.2.3.4/96'],
])('%j is no network', (text) => expect(parseNetwork(text)).toBeNull())
