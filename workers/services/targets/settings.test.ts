import { expect, test } from 'vitest'
import { checkTarget } from './check-target.ts'
import { TargetSettings, targetRulesOf } from './settings.ts'

test('without settings nothing is allowed, and a public resolver is asked', () => {
  const settings = TargetSettings.parse({})
  expect(settings.DNS_OVER_HTTPS).toBe('https://cloudflare-dns.com/dns-query')
  expect(targetRulesOf(settings)).toEqual({ ownHosts: [], allowed: new Set() })
})

test('lists become rules', () => {
  const settings = TargetSettings.parse({
    OWN_HOSTS: 'Relay.example.com, relay.dev,',
    ALLOWED_TARGETS: 'http://127.0.0.1:8791, https://10.0.0.5',
  })
  const rules = targetRulesOf(settings)
  expect(checkTarget('https://api.relay.example.com/', rules).outcome).toBe('refused')
  expect(checkTarget('https://relay.dev/', rules).outcome).toBe('refused')
  expect(checkTarget('http://127.0.0.1:8791/v1', rules).outcome).toBe('ok')
  expect(checkTarget('https://10.0.0.5/v1', rules).outcome).toBe('ok')
})

test.each([
  { DNS_OVER_HTTPS: 'cloudflare-dns.com' },
  { OWN_HOSTS: 'https://relay.dev' },
  { ALLOWED_TARGETS: '127.0.0.1:8791' },
  { ALLOWED_TARGETS: 'http://127.0.0.1:8791/' },
  { ALLOWED_TARGETS: 'http://127.0.0.1:8791/v1' },
  { ALLOWED_TARGETS: 'http://0x7f.1:8791' },
  { ALLOWED_TARGETS: 'https://10.0.0.5:443' },
  { ALLOWED_TARGETS: 'ftp://10.0.0.5' },
  { ALLOWED_TARGETS: '*' },
])('a setting that could not work as it looks is refused: %o', (settings) => {
  expect(TargetSettings.safeParse(settings).success).toBe(false)
})
