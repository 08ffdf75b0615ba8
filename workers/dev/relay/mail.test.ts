import { expect, test } from 'vitest'
import { ok, scriptedAdmin } from './testing/scripted-admin.ts'

const admin = scriptedAdmin()
const relay = (...parameters: string[]) => admin.relay(['mail', ...parameters], ' hush-hush \n')

const from = { address: 'relay@example.com', name: 'Rocket Relay' }
const settings = { host: 'smtp.example.com', port: 465, security: 'tls', user: 'relay', from }
const stored = { mail: { ...settings, hasPassword: true, version: 1, updatedAt: '2026-11-24T12:00:00.000Z' } }
const server465 = ['--host', 'smtp.example.com', '--user', 'relay', '--from', 'relay@example.com']

test('set reads the password from standard input as it stands there, and prints it nowhere', async () => {
  admin.answers = [ok(stored)]
  const { code, out, err } = await relay('set', ...server465, '--password', '-')
  expect(admin.sent).toEqual([{ path: 'PUT /mail', body: { ...settings, password: ' hush-hush ' } }])
  expect(out).toMatch(/server +smtp\.example\.com:465\n/)
  expect(out + err).not.toContain('hush-hush')
  expect(code).toBe(0)
})

test('set without a password leaves it to the stored one, and plaintext has to be said', async () => {
  admin.answers = [ok(stored)]
  await relay('set', ...server465, '--security', 'none', '--port', '2525', '--allow-plaintext')
  expect(admin.sent[0]?.body).toEqual({ ...settings, security: 'none', port: 2525, allowPlaintext: true })
})

test('show says when there is no server', async () => {
  admin.answers = [ok({ mail: null })]
  expect((await relay('show')).out).toContain('No mail server is set')
})

test.each([
  ['accepted', 0],
  ['refused', 1],
  ['unreachable', 1],
])('test tells what the server says; %s ends with %i', async (outcome, expectedCode) => {
  admin.answers = [ok({ outcome, answer: '250 \u001b[31mok' })]
  const { code, out } = await relay('test', '--to', 'ada@example.com')
  expect(admin.sent).toEqual([{ path: 'POST /mail/test', body: { to: 'ada@example.com' } }])
  expect(out).toMatch(/the server says +250 \?\[31mok/)
  expect(code).toBe(expectedCode)
})

test.each([['set'], ['set', ...server465, '--security', 'ssl'], ['set', ...server465, '--port', '70000'], ['test']])(
  'a wrong call is told: %s',
  async (...parameters) => {
    expect((await relay(...parameters)).code).toBe(2)
    expect(admin.sent).toEqual([])
  },
)
