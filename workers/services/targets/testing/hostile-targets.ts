/** What a resolver says of a name: as a script of the resolver in `workers/dev/dns`. */
export interface Answer {
  a?: string[]
  aaaa?: string[]
  cname?: string
  status?: number
}

/** A URL by which somebody might try to have us reach what they cannot. */
export interface HostileTarget {
  group: string
  url: string
  /** What DNS says of its host; null: that it is public, so that the text alone has to be refused. */
  dns: Answer | null
}

/** The hosts of the platform that is attacked. */
export const attackedHosts = ['relay-platform.dev', 'api.relay.cloud']

const publicIpv4 = '93.184.215.14'
const publicIpv6 = '2606:2800:21f:cb07:6820:80da:af6b:8b2c'

/** What DNS says of a host that is as it should be. */
export const publicAnswer: Answer = { a: [publicIpv4], aaaa: [publicIpv6] }

const words = (text: string) => text.trim().split(/\s+/)

/** IANA's registry of IPv4 addresses of special purpose, and multicast: the first and last address of each range. */
const ipv4Registry = words(`
  0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 169.254.0.0 169.254.255.255
  172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.7 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.171 192.0.0.255 192.0.2.0 192.0.2.255
  192.31.196.0 192.31.196.255 192.52.193.0 192.52.193.255 192.88.99.0 192.88.99.2 192.88.99.255 192.168.0.0 192.168.255.255 192.175.48.0
  192.175.48.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0
  255.255.255.254 255.255.255.255
`)

/** The same for IPv6. */
const ipv6Registry = words(`
  :: ::1 ::ffff:0:0 ::ffff:ffff:ffff 64:ff9b:: 64:ff9b::ffff:ffff 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100::
  100::ffff:ffff:ffff:ffff 100:0:0:1:: 2001:: 2001:0:ffff:ffff:ffff:ffff:ffff:ffff 2001:1::1 2001:1::2 2001:1::3 2001:2::
  2001:2:0:ffff:ffff:ffff:ffff:ffff 2001:3:: 2001:4:112:: 2001:10:: 2001:20:: 2001:30:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
  2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002:: 2002:ffff:: 2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff 3fff::
  3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 5f00:: 5f00:ffff:: fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80::
  febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0:: ff02::1
`)

/** IPv4 within IPv6: loopback, a private network and the metadata of most clouds, as each way of carrying them writes it. */
const carried = words(`
  ::7f00:1 ::a00:1 ::a9fe:a9fe ::ffff:7f00:1 ::ffff:a00:1 ::ffff:a9fe:a9fe ::ffff:0:7f00:1 ::ffff:0:a9fe:a9fe 64:ff9b::7f00:1
  64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe::
  2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:4136:e378:8000:63bf:5601:5601 2002:a83f:8110::
`)

/** Where clouds answer their own machines alone. */
const metadataAddresses = words(`
  169.254.169.254 169.254.169.253 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23 100.100.100.200 100.96.0.96 192.0.0.192
  168.63.129.16 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe
`)

/** An IPv4 address in every spelling that some parser reads as one. */
function spellings(address: string): string[] {
  const parts = address.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (value: number) => `0x${value.toString(16)}`
  const octal = (value: number) => `0${value.toString(8)}`
  return [
    address,
    `${address}.`,
    String(whole),
    hex(whole),
    hex(whole).toUpperCase(),
    octal(whole),
    parts.map(hex).join('.'),
    parts.map(octal).join('.'),
    parts.map((part) => `000${octal(part)}`).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${hex(a)}.${octal(b)}.${c}.${d}`,
    `[::ffff:${address}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
  ]
}

/** Spellings and literals of IPv6. */
const literals = words(`
  [::] [::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [fd00:ec2::254] [FD00:EC2::254] [fe80::1] [fe80::1%25eth0]
  [fe80::1%eth0] [::1%25lo] [2606:4700:4700::1111] [2002:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe] ::1 [::1 ::1] [[::1]]
  [v1.127.0.0.1] [127.0.0.1] 0 0.0 0x 0x0 0177.1 1.1 256.256.256.256
`)

/** Other digits, dots and slashes, of which some parser makes 127.0.0.1, localhost or a dot. */
const foldings = words(`
  ①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 𝟏𝟐𝟕.𝟎.𝟎.𝟏 𝟷𝟸𝟽.𝟶.𝟶.𝟷 ١٢٧.٠.٠.١ ¹²⁷.⁰.⁰.¹ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ ℓocalhost.dev
  ｍetadata.google.internal metadata。google。internal loc\u00adalhost local\u200bhost.dev local\u2060host \u202elocalhost
  hooks.customer.dev\uff0f127.0.0.1 hooks.customer.dev\u2044.internal lo\u0441alhost %31%32%37.0.0.1
  127%2e0%2e0%2e1 %6c%6f%63%61%6c%68%6f%73%74 %EF%BC%91%EF%BC%92%EF%BC%97.0.0.1 hooks.customer.dev%00.internal
  hooks.customer.dev%2f@127.0.0.1 hooks.customer.dev%09 xn--localhost- xn--localhost-.dev metadata.xn--internal- xn--.internal
`)

/** Names that are no public host, or one of ours, whatever DNS says. */
const reserved = [
  ...words(`
    localhost LOCALHOST localhost. localhost.localdomain localhost6 a.localhost ip6-localhost ip6-loopback broadcasthost kubernetes
    kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local consul.service.consul redis intranet metadata
    metadata.google.internal METADATA.Google.Internal metadata.google.internal. metadata.goog a.metadata.goog instance-data
    instance-data.ec2.internal ip-10-0-0-1.ec2.internal metadata.azure.internal metadata.tencentyun.com metadata.packet.net
    metadata.platformequinix.com api.metadata.cloud.ibm.com host.docker.internal gateway.docker.internal printer.local a.internal a.test
    a.invalid a.example a.onion a.alt nas.lan nas.home wiki.corp wiki.intranet a.private router.home.arpa 1.0.0.127.in-addr.arpa
    1.0.ip6.arpa ipv4only.arpa a.localdomain a.pod a.cluster a.docker hooks.customer.dev. hooks..customer.dev .customer.dev
    hooks.customer.dev.. -hooks.customer.dev hooks-.customer.dev hooks_a.customer.dev *.customer.dev dev com. a.123 a.0x1
  `),
  `${'a'.repeat(64)}.dev`,
  `${'a.'.repeat(126)}dev`,
  ...attackedHosts.flatMap((host) => [host, host.toUpperCase(), `${host}.`, `deep.below.${host}`, `${host}:8443`]),
]

/** Tricks of the whole URL. */
const tricks = [
  ...['https://hooks.customer.dev@127.0.0.1/', 'https://hooks.customer.dev:443@10.0.0.1/', 'https://127.0.0.1@hooks.customer.dev/'],
  ...[
    'https://a:b@hooks.customer.dev/',
    'https://@hooks.customer.dev/',
    'https://:@hooks.customer.dev/',
    'https://hooks.customer.dev#@127.0.0.1/',
  ],
  ...[
    'https://hooks.customer.dev\\@127.0.0.1/',
    'https:\\\\127.0.0.1\\',
    'https:/\\hooks.customer.dev/',
    'https://hooks.customer.dev\\.internal/',
  ],
  ...[
    'https:hooks.customer.dev/',
    'https:/hooks.customer.dev/',
    'https:///hooks.customer.dev/',
    '//hooks.customer.dev/',
    'hooks.customer.dev',
    '',
  ],
  ...['https://', 'https://?', 'https://#', 'https://:443/', 'https://hooks.customer.dev/#', 'https://hooks.customer.dev/#fragment'],
  ...[' https://hooks.customer.dev/', 'https://hooks.customer.dev/ ', 'https://hooks.customer.dev /', 'https://hooks customer.dev/'],
  ...[
    'ht\ttps://hooks.customer.dev/',
    'https://hooks.\ncustomer.dev/',
    'https://hooks.customer.dev/\r\nHost: 127.0.0.1',
    'https://hooks.customer.dev/\u0000',
  ],
  ...[
    'https://hooks.customer.dev\t/',
    'https://127.0.\t0.1/',
    '\u0000https://hooks.customer.dev/',
    'https://hooks.customer.dev/\u007f',
    'https://hooks.customer.dev/ü',
  ],
  ...[
    'http://hooks.customer.dev/',
    'HTTP://hooks.customer.dev/',
    'http://hooks.customer.dev:443/',
    'http://hooks.customer.dev:8443/',
    'ftp://hooks.customer.dev/',
  ],
  ...[
    'ws://hooks.customer.dev/',
    'wss://hooks.customer.dev/',
    'file:///etc/passwd',
    'file://hooks.customer.dev/',
    'gopher://127.0.0.1:6379/_INFO',
  ],
  ...[
    'dict://127.0.0.1:11211/',
    'data:text/plain,a',
    'javascript:alert(1)',
    'blob:https://hooks.customer.dev/a',
    'about:blank',
    'jar:https://hooks.customer.dev/!/',
  ],
  ...['unix:/var/run/docker.sock', 'view-source:https://hooks.customer.dev/', 'https+unix://hooks.customer.dev/', 'urn:uuid:0'],
  ...[0, 1, 22, 25, 53, 80, 444, 2375, 3306, 5432, 6379, 8080, 8442, 8444, 9200, 11_211, 65_535, 65_536, 65_979].map(
    (port) => `https://hooks.customer.dev:${port}/`,
  ),
  ...[
    'https://hooks.customer.dev:/',
    'https://hooks.customer.dev:-443/',
    'https://hooks.customer.dev:443:80/',
    'https://hooks.customer.dev:0x1bb/',
  ],
  `https://hooks.customer.dev/${'a'.repeat(2_048)}`,
]

/** What DNS may say of a name that looks like any other. */
const answers: Record<string, Answer> = {
  'one-private-of-three': { a: [publicIpv4, '10.0.0.1', '8.8.8.8'], aaaa: [publicIpv6] },
  'last-private': { a: [publicIpv4, '8.8.8.8', '127.0.0.1'] },
  'ipv6-private': { a: [publicIpv4], aaaa: ['fd00::1'] },
  'ipv6-loopback': { a: [publicIpv4], aaaa: ['::1'] },
  'one-ipv6-private': { aaaa: [publicIpv6, 'fe80::1'] },
  'alias-of-private': { cname: 'db.internal', a: ['10.0.0.1'] },
  'alias-of-localhost': { cname: 'localhost', a: ['127.0.0.1'], aaaa: ['::1'] },
  'alias-of-metadata': { cname: 'metadata.google.internal', a: ['169.254.169.254'] },
  'alias-of-nothing': { cname: 'gone.customer.dev' },
  'no-address': {},
  'no-such-name': { status: 3 },
  'public-and-no-such-name': { a: [publicIpv4], status: 3 },
  'format-error': { status: 1, a: [publicIpv4] },
  'resolver-failed': { status: 2, a: [publicIpv4] },
  'not-implemented': { status: 4, a: [publicIpv4] },
  'resolver-refused': { status: 5, a: [publicIpv4] },
  // "Local" with an accent, and in wide letters: domains that nobody has.
  'printer.xn--lcal-1qa': { status: 3 },
  'printer.xn--6s9hpdq5azqxa': { status: 3 },
}

/** Wildcard services, and names that somebody pointed there: all of them are public domains. */
const pointed: Record<string, string> = {
  '127.0.0.1.nip.io': '127.0.0.1',
  '169-254-169-254.sslip.io': '169.254.169.254',
  'app.localtest.me': '127.0.0.1',
  'app.lvh.me': '127.0.0.1',
  'spoofed.burpcollaborator.net': '127.0.0.1',
  'customer.dev': '192.168.0.1',
}

function group(name: string, urls: string[]): HostileTarget[] {
  return urls.map((url) => ({ group: name, url, dns: null }))
}

/** Names of their own that resolve to these addresses. */
function leading(name: string, addresses: string[]): HostileTarget[] {
  return addresses.map((address, index) => ({
    group: name,
    url: `https://${name.replaceAll(' ', '-')}-${index}.customer.dev/hook`,
    dns: address.includes(':') ? { aaaa: [address] } : { a: [address], aaaa: [publicIpv6] },
  }))
}

const onHost = (hosts: string[]) => hosts.map((host) => `https://${host}/hook`)

/** All that must be refused when it is saved and at each delivery. */
export const hostileTargets: readonly HostileTarget[] = [
  ...leading('ipv4 registry', ipv4Registry),
  ...leading('ipv6 registry', ipv6Registry),
  ...leading('carried ipv4', carried),
  ...leading('metadata address', metadataAddresses),
  ...['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '168.63.129.16', '8.8.8.8'].flatMap((address) =>
    group(`literal ${address}`, onHost(spellings(address))),
  ),
  ...group('literal', onHost(literals)),
  ...group('folded', onHost(foldings)),
  ...group('reserved name', onHost(reserved)),
  ...group('trick', tricks),
  ...Object.entries(answers).map(([label, dns]) => ({
    group: 'answer of DNS',
    url: `https://${label.includes('.') ? label : `${label}.customer.dev`}/hook`,
    dns,
  })),
  ...Object.entries(pointed).map(([host, address]) => ({ group: 'pointed', url: `https://${host}/`, dns: { a: [address] } })),
]
