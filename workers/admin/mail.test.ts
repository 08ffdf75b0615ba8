import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readMailSettings } from '#db/queries/mail/read-mail-settings.ts'
import { auditLog, secrets } from '#db/schema/index.ts'
import { mailPasswordPlace } from '#shared/contracts/mail-settings.ts'
import { nodeSockets } from '#workers/services/mail/testing/node-socket.ts'
import { type ScriptedServer, scriptServer } from '#workers/services/mail/testing/scripted-server.ts'
import { openSecret } from '#workers/services/secrets/open.ts'
import { keyRingOf } from '#workers/services/secrets/settings.ts'
import { type Stage, setStage } from './testing/stage.ts'

vi.mock('cloudflare:sockets', () => ({
  connect: ({ hostname: host, port }: { hostname: string; port: number }) => nodeSockets().connect({ host, port }, 'off'),
}))

const keks = { KMS_PROVIDER: 'local', LOCAL_KEKS: JSON.stringify({ a: btoa('a'.repeat(32)) }) }
let stage: Stage
let server: ScriptedServer
let recipientAnswer = '250 ok'
beforeAll(async () => {
  stage = await setStage(keks)
  server = await scriptServer((line) => (line.startsWith('RCPT') ? recipientAnswer : undefined))
})
afterAll(async () => {
  server?.stop()
  await stage?.stop()
})

const settings = {
  host: 'smtp.example.com',
  port: 465,
  security: 'tls',
  user: 'relay',
  from: { address: 'relay@example.com', name: 'Rocket Relay' },
}
const put = (more: object = {}) => stage.call('PUT', '/mail', { ...settings, ...more })

async function storedPassword(): Promise<string | null> {
  const stored = await readMailSettings(stage.database.db)
  return stored?.sealed ? openSecret(keyRingOf(keks), mailPasswordPlace, stored.sealed) : null
}

test('before any is set there is none to show and none to test', async () => {
  expect(await stage.call('GET', '/mail')).toMatchObject({ status: 200, json: { mail: null } })
  expect(await stage.call('POST', '/mail/test', { to: 'ada@example.com' })).toMatchObject({ status: 404 })
})

test('the server is stored, its password sealed, and neither an answer nor the audit log nor a table holds it', async () => {
  const set = await put({ password: 'hush-hush' })
  expect(set).toMatchObject({ status: 200, json: { mail: { ...settings, hasPassword: true, version: 1 } } })
  expect(await storedPassword()).toBe('hush-hush')
  const { db } = stage.database
  const [entry] = await db.select().from(auditLog)
  expect(entry).toMatchObject({
    chain: 'platform',
    action: 'mail.settings_changed',
    before: null,
    after: { host: settings.host, passwordReplaced: true },
  })
  const everything = JSON.stringify([set, await stage.call('GET', '/mail'), entry, await db.select().from(secrets)])
  expect(everything).not.toContain('hush-hush')
})

test('the stored password stays for the same server and user alone', async () => {
  await put({ password: 'hush-hush' })
  expect(await put({ from: { ...settings.from, name: 'Relay' } })).toMatchObject({ status: 200, json: { mail: { hasPassword: true } } })
  for (const other of [{ host: 'evil.example' }, { port: 587 }, { user: 'other' }, { security: 'starttls' }])
    expect(await put(other)).toMatchObject({ status: 400, json: { errors: [{ pointer: '#/password' }] } })
  expect(await storedPassword()).toBe('hush-hush')
  expect(await put({ user: null })).toMatchObject({ status: 200, json: { mail: { hasPassword: false } } })
  expect(await storedPassword()).toBeNull()
  expect(await put()).toMatchObject({ status: 400 })
})

test('two who set it at once do not mix their servers and passwords', async () => {
  await put({ password: 'before' })
  const both = await Promise.all([put({ host: 'one.example', password: 'of-one' }), put({ host: 'two.example', password: 'of-two' })])
  const won = both.filter(({ status }) => status === 200)
  expect(won.length).toBeGreaterThan(0)
  const stored = await readMailSettings(stage.database.db)
  expect(await storedPassword()).toBe(stored?.settings.host === 'one.example' ? 'of-one' : 'of-two')
})

test.each([
  [{ security: 'none' }],
  [{ port: 25 }],
  [{ host: 'smtp.example.com\r\nX' }],
  [{ user: 'a\u0000b' }],
  [{ user: null, password: 'of-no-use' }],
  [{ from: { address: 'relay@example.com>\r\nRCPT TO:<eve@example.com', name: 'R' } }],
  [{ from: { address: 'relay@example.com', name: 'R\u202E' } }],
  [{ more: 1 }],
])('what cannot be meant is refused: %j', async (wrong) => {
  expect(await put({ password: 'hush-hush', ...wrong })).toMatchObject({ status: 400 })
})

test('a connection in clear is allowed to this machine, and elsewhere when that is said', async () => {
  expect((await put({ security: 'none', host: '127.0.0.1', password: 'x' })).status).toBe(200)
  expect((await put({ security: 'none', allowPlaintext: true, password: 'x' })).status).toBe(200)
})

test("a test mail tells the server's own word", async () => {
  await put({ security: 'none', host: '127.0.0.1', port: server.port, password: 'hush-hush' })
  const send = () => stage.call('POST', '/mail/test', { to: 'ada@example.com' })
  expect(await send()).toMatchObject({ status: 200, json: { outcome: 'accepted', answer: '250 ok' } })
  recipientAnswer = '550 5.1.1 nobody'
  expect(await send()).toMatchObject({ status: 200, json: { outcome: 'refused', answer: '550 5.1.1 nobody' } })
  expect(server.heard).toContain(`AUTH PLAIN ${btoa('\0relay\0hush-hush')}`)
  server.stop()
  expect(await send()).toMatchObject({ status: 200, json: { outcome: 'unreachable' } })
})
