import { describe, expect, test } from 'vitest'
import { checkBaseUrl, checkTarget, type TargetRules } from './check-target.ts'

const rules: TargetRules = {
  ownHosts: ['relay.example.com', 'relay-platform.dev'],
  allowed: new Set(['http://127.0.0.1:8791', 'https://10.0.0.5', 'http://[::1]:8791']),
}

const reasonOf = (text: string, check: typeof checkTarget = checkTarget) => {
  const verdict = check(text, rules)
  return verdict.outcome === 'refused' ? verdict.reason : `ok: ${verdict.url.href}`
}

const longestLabel = 'a'.repeat(63)
const longestHost = `${`${longestLabel}.`.repeat(3)}${'a'.repeat(57)}.dev`

describe('a public https address is let through', () => {
  test.each([
    ['https://api.provider.dev/hooks?tenant=1&x=%2e%2e', undefined],
    ['https://api.provider.dev', 'https://api.provider.dev/'],
    ['HTTPS://API.Provider.DEV:443/v1', 'https://api.provider.dev/v1'],
    ['https://api.provider.dev:8443/v1', undefined],
    ['https://xn--mnchen-3ya.de/', undefined],
    ['https://1.2.3.4.dev/', undefined],
    ['https://localhost.provider.dev/', undefined],
    ['https://mylocal.dev/', undefined],
    ['https://internal.provider.dev/', undefined],
    ['https://notrelay.example.com/', undefined],
    ['https://relay.example.com.provider.dev/', undefined],
    [`https://${longestHost}/`, undefined],
    [`https://api.provider.dev/${'a'.repeat(2_048 - 25)}`, undefined],
  ])('%s', (text, href = text) => {
    expect(reasonOf(text)).toBe(`ok: ${href}`)
  })
})

const refusals: [pattern: RegExp, texts: string[]][] = [
  [/at most 2048/, [`https://api.provider.dev/${'a'.repeat(2_048 - 24)}`]],
  [
    /printable ASCII/,
    [
      'https://①②⑦.⓪.⓪.①/',
      'https://127。0。0。1/',
      'https://１２７.0.0.1/',
      'https://ｅxample.dev/',
      'https://api.pro\u00advider.dev/',
      'https://münchen.de/',
      'https://api.provider.dev/ü',
      ' https://api.provider.dev/',
      'https://api.provider.dev/ ',
      'ht\ttps://api.provider.dev/',
      'https:/\n/api.provider.dev/',
      'https://api.pro\rvider.dev/',
      'https://api.provider.dev\u0000/',
      'https://api.provider.dev/\u007f',
    ],
  ],
  [
    /backslash/,
    ['https:\\\\api.provider.dev/', 'https://api.provider.dev\\@10.0.0.1/', 'https://api.provider.dev/a\\b', 'https:/\\api.provider.dev'],
  ],
  [/fragment/, ['https://api.provider.dev/#', 'https://api.provider.dev/a#b', 'https://api.provider.dev#@10.0.0.1/']],
  [
    /begin with https/,
    [
      '',
      'api.provider.dev',
      '//api.provider.dev/',
      'https:/api.provider.dev/',
      'https:api.provider.dev/',
      'http://api.provider.dev/',
      'http://api.provider.dev:443/',
      'http://0x7f.1/',
      'ftp://api.provider.dev/',
      'wss://api.provider.dev/',
      'javascript:alert(1)',
      'data:text/plain,a',
    ],
  ],
  [
    /user name/,
    ['https://a@provider.dev/', 'https://a:b@provider.dev/', 'https://@provider.dev/', 'https://api.provider.dev:443@10.0.0.1/'],
  ],
  [
    /only letters, digits/,
    [
      'https:///api.provider.dev/',
      'file:///etc/passwd',
      'https://%31%32%37.0.0.1/',
      'https://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/',
      'https://127%2e0%2e0%2e1/',
      'https://api.provider.dev%00/',
      'https://a_b.provider.dev/',
      'https://api.provider.dev;x/',
      'https://[fe80::1%25eth0]/',
      'https://[v1.a]/',
      'https://api.provider.dev:80a/',
      'https://api.provider.dev:-1/',
      'https://*.provider.dev/',
    ],
  ],
  [
    /not a valid URL/,
    ['https://1.2.3.4.5/', 'https://256.0.0.1/', 'https://a.123/', 'https://a.0x1/', 'https://a.dev:65536/', 'https://[::1::]/'],
  ],
  [
    /443 or 8443/,
    ['https://api.provider.dev:80/', 'https://api.provider.dev:444/', 'https://api.provider.dev:08444/', 'https://api.provider.dev:0/'],
  ],
  [
    /not an IP address/,
    [
      'https://127.0.0.1/',
      'https://8.8.8.8/',
      'https://127.1/',
      'https://127.0.1/',
      'https://0x7f.1/',
      'https://0x7f000001/',
      'https://0X7F.0.0.1/',
      'https://0177.0.0.1/',
      'https://017700000001/',
      'https://2130706433/',
      'https://127.0.0.1./',
      'https://0/',
      'https://0x/',
      'https://[::1]/',
      'https://[::]/',
      'https://[::ffff:127.0.0.1]/',
      'https://[::ffff:7f00:1]/',
      'https://[2606:4700:4700::1111]/',
      'https://10.0.0.5:8443/',
    ],
  ],
  [/end with a dot/, ['https://api.provider.dev./', 'https://localhost./', 'https://metadata.google.internal./']],
  [/at least two parts/, ['https://localhost/', 'https://kubernetes/', 'https://dev/']],
  [
    /not a valid name/,
    [
      'https://api..provider.dev/',
      'https://.provider.dev/',
      'https://-a.provider.dev/',
      'https://a-.provider.dev/',
      `https://${longestHost.replace('.dev', 'a.dev')}/`,
      `https://a${longestLabel}.dev/`,
    ],
  ],
  [
    /private or special use/,
    [
      'https://a.alt/',
      'https://1.0.0.127.in-addr.arpa/',
      'https://router.home.arpa/',
      'https://a.example/',
      'https://a.invalid/',
      'https://printer.local/',
      'https://a.localhost/',
      'https://a.onion/',
      'https://a.test/',
      'https://metadata.google.internal/',
      'https://METADATA.Google.Internal/',
      'https://instance-data.ec2.internal/',
      'https://wiki.corp/',
      'https://nas.lan/',
      'https://nas.home/',
      'https://wiki.intranet/',
      'https://a.private/',
      'https://host.localdomain/',
      'https://kubernetes.default.svc/',
      'https://kubernetes.default.svc.cluster.local/',
      'https://vault.service.consul/',
      'https://host.docker/',
      'https://metadata.goog/',
      'https://metadata.tencentyun.com/',
    ],
  ],
  [/belongs to this platform/, ['https://relay.example.com/', 'https://API.Relay.example.com:8443/', 'https://a.b.relay-platform.dev/']],
]

describe.each(refusals)('refused because of %s', (pattern, texts) => {
  test.each(texts)('%j', (text) => expect(reasonOf(text)).toMatch(pattern))
})

test('what an operator allows passes on exactly its scheme, host and port, in whatever spelling leads there', () => {
  for (const text of [
    'http://127.0.0.1:8791/v1',
    'http://0x7f.1:8791/v1',
    'https://10.0.0.5/',
    'https://10.0.0.5:443/',
    'http://[::1]:8791/',
  ])
    expect(reasonOf(text), text).toMatch(/^ok/)
  const others = [
    'https://127.0.0.1:8791/',
    'http://127.0.0.1/',
    'http://127.0.0.1:8792/',
    'http://127.0.0.2:8791/',
    'http://10.0.0.5:443/',
    'http://localhost:8791/',
  ]
  for (const text of [...others, 'http://a@127.0.0.1:8791/', 'http://127.0.0.1:8791/#a', 'http://127.0.0.1:8791@provider.dev/'])
    expect(reasonOf(text), text).not.toMatch(/^ok/)
})

test('a reason repeats nothing of what was given', () => {
  const secret = 'hunter2secret'
  const texts = [
    `https://u:${secret}@provider.dev/`,
    `http://${secret}.dev/${secret}`,
    `https://${secret}/?${secret}`,
    `https://${secret}.local/`,
    `${secret} `,
  ]
  for (const text of texts) expect(reasonOf(text)).not.toMatch(new RegExp(`^ok|${secret}`))
})

describe('a base URL', () => {
  test.each([
    ['https://api.provider.dev', 'https://api.provider.dev'],
    ['https://api.provider.dev/', 'https://api.provider.dev'],
    ['https://API.provider.dev:443/v1/', 'https://api.provider.dev/v1'],
    ['https://api.provider.dev:8443/openai/v1beta-2_x~y.z', 'https://api.provider.dev:8443/openai/v1beta-2_x~y.z'],
    ['https://api.provider.dev/v01/managements/management.htm', 'https://api.provider.dev/v01/managements/management.htm'],
    ['http://127.0.0.1:8791/openai', 'http://127.0.0.1:8791/openai'],
  ])('%s is kept as %s', (text, baseUrl) => {
    expect(checkBaseUrl(text, rules)).toMatchObject({ outcome: 'ok', baseUrl })
  })

  test.each([
    ['query', /no query/, ['?', '/?', '/v1?a=b', '?a']],
    [
      'path',
      /single slashes/,
      ['//', '/v1//', '//v1', '/v1//x', '/%76%30', '/v1/%2e%2e', '/v1;x', '/v1/a:b', '/v1/a@b', '/v1/a+b', '/v1/*', "/v1/'"],
    ],
    [
      'segment',
      /not allowed in a base URL/,
      [
        '/..',
        '/.',
        '/v1/../v0',
        '/v1/./x',
        '/v0',
        '/V0/',
        '/v0/management',
        '/a/Management/b',
        '/MANAGEMENT.HTML',
        '/management.html/',
        '/cliproxy/v0',
      ],
    ],
    ['target', /backslash|user name|443/, ['\\v0', '/v1\\..\\v0', '@provider.dev/', ':80/']],
  ])('is refused for its %s', (_, pattern, tails) => {
    for (const tail of tails) expect(reasonOf(`https://api.provider.dev${tail}`, checkBaseUrl), tail).toMatch(pattern)
  })
})
