import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callKms } from './kms/test-client.ts'
import { kmsKeys } from './kms/well-known.ts'
import { localHost } from './ports.ts'
import { checkoutDirectory, nodeBinary } from './processes/environment.ts'
import { type Stack, startStack } from './stack.ts'

const portBase = 21_700
/** Always the same place, so that a run which failed halfway is cleared away by the next. */
const directory = join(checkoutDirectory, '.local', 'stack-test')
const configPath = join(directory, 'sources', 'wrangler.toml')
const options = { directory: join(directory, 'stack'), portBase, configPath, vars: { proxy: { EXTRA: 'handed on' } } }
let stack: Stack

/** Workers of a few lines, connected like the platform's: what is tested is the stack, not the relay. */
const sources: Record<string, string> = {
  'wrangler.toml': `
    name = "relay"
    compatibility_date = "2026-11-01"
    [env.proxy]
    name = "relay-proxy"
    main = "proxy.js"
    durable_objects.bindings = [{ name = "LEDGER", class_name = "Counter", script_name = "relay-ledger" }]
    [env.ledger]
    name = "relay-ledger"
    main = "ledger.js"
    durable_objects.bindings = [{ name = "LEDGER", class_name = "Counter" }]
    migrations = [{ tag = "v1", new_sqlite_classes = ["Counter"] }]
    [env.usage]
    name = "relay-usage"
    main = "usage.js"
    queues.consumers = [{ queue = "usage" }]
    [env.webhooks]
    name = "relay-webhooks"
    main = "webhooks.js"
    queues.consumers = [{ queue = "webhooks" }]
    [env.quality]
    name = "relay-quality"
    main = "quality.js"
    [env.api]
    name = "relay-api"
    main = "api.js"
    queues.consumers = [{ queue = "mail" }, { queue = "payments" }]
    [env.admin]
    name = "relay-admin"
    main = "admin.js"`,
  'proxy.js': `export default { async fetch(request, env) {
    return Response.json({ count: await env.LEDGER.getByName('one').count({}), extra: env.EXTRA, database: env.DATABASE_URL, credentials: env.UPSTREAM_CREDENTIALS })
  } }`,
  'ledger.js': `import { DurableObject } from 'cloudflare:workers'
    export class Counter extends DurableObject {
      async count() { const count = (await this.ctx.storage.get('count') ?? 0) + 1; await this.ctx.storage.put('count', count); return count }
    }
    export default {}`,
  'usage.js': 'export default { async queue() {} }',
  'webhooks.js': 'export default { async queue() {} }',
  'quality.js': 'export default { async scheduled() {} }',
  'api.js': 'export default { fetch: () => new Response("here"), async queue() {} }',
  'admin.js': 'export default { fetch: (request) => Response.json({ isSigned: request.headers.has("cf-access-jwt-assertion") }) }',
}

beforeAll(async () => {
  mkdirSync(join(directory, 'sources'), { recursive: true })
  for (const [name, content] of Object.entries(sources)) writeFileSync(join(directory, 'sources', name), content)
  stack = await startStack({ ...options, reset: true })
}, 120_000)

afterAll(async () => {
  await stack?.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

async function count(): Promise<number> {
  const response = await fetch(stack.description.proxyUrl, { signal: AbortSignal.timeout(5_000) })
  return Number(JSON.parse(await response.text()).count)
}

test('a Worker gets its variables, and the admin Worker stands behind the access front', async () => {
  const answer = await (await fetch(stack.description.proxyUrl)).json()
  expect(answer).toMatchObject({ extra: 'handed on', database: stack.databaseUrl, credentials: '{"scripted":"sk-scripted-upstream"}' })
  const { clientId, clientSecret } = stack.description.access
  const headers = { 'cf-access-client-id': clientId, 'cf-access-client-secret': clientSecret }
  expect(await (await fetch(stack.description.adminUrl, { headers })).json()).toEqual({ isSigned: true })
  expect((await fetch(stack.description.adminUrl)).status).toBe(403)
})

test('a stack has a KMS of its own, at the address it tells', async () => {
  const { status, body } = await callKms(stack.description.kmsUrl, 'DescribeKey', { KeyId: kmsKeys.first.alias })
  expect({ status, body }).toMatchObject({ status: 200, body: { KeyMetadata: { Arn: kmsKeys.first.arn } } })
})

test('a stack has a Stripe of its own, at the address it tells', async () => {
  expect((await fetch(`${stack.description.stripeUrl}/v1/balance`)).status).toBe(401)
  expect(await (await fetch(`${stack.description.stripeUrl}/control/payments`)).json()).toEqual({ payments: [] })
})

test('stack.json describes the stack and only its owner reads it', () => {
  expect(statSync(join(options.directory, 'stack.json')).mode & 0o777).toBe(0o600)
})

test('a killed ledger comes back with its data, and the proxy finds it again', async () => {
  const before = await count()
  await stack.kill('ledger', 'SIGKILL')
  await stack.ready('ledger')
  expect(await count()).toBe(before + 1)
}, 60_000)

test('a killed Postgres and a halted Redis come back when they should', async () => {
  await stack.kill('postgres', 'SIGKILL')
  await stack.ready('postgres')
  await stack.halt('redis')
  expect(stack.processId('redis')).toBeUndefined()
  await stack.restart('redis')
  expect(stack.processId('redis')).toBeTypeOf('number')
}, 60_000)

test('a second stack in the same directory is refused', async () => {
  await expect(startStack(options)).rejects.toThrow(/already runs/)
})

test('a busy port is named together with what wanted it', async () => {
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(portBase + 37, localHost, resolve))
  const other = startStack({ ...options, directory: join(directory, 'other'), portBase: portBase + 30 })
  await expect(other).rejects.toThrow(new RegExp(`port ${portBase + 37} \\(wanted by redis\\)`))
  squatter.close()
})

test('what a killed stack left running is ended by the next start, and its data and demo key are kept', async () => {
  const before = await count()
  const { demo } = stack.description
  await stack.stop()
  await startAndKillOwner()
  expect(await count()).toBeGreaterThan(before) // Nobody supervises it any more, but it still runs.
  const lines: string[] = []
  stack = await startStack({ ...options, progress: (line) => lines.push(line) })
  expect(lines[0]).toMatch(/ended \d+ processes of an earlier run/)
  expect(await count()).toBeGreaterThan(before + 1)
  expect(stack.description.demo).toEqual(demo)
}, 120_000)

/** Starts the same stack from a process of its own, and kills that process when the stack is ready. */
async function startAndKillOwner(): Promise<void> {
  const module = JSON.stringify(new URL('stack.ts', import.meta.url).href)
  const program = `const { startStack } = await import(${module}); await startStack(${JSON.stringify(options)}); console.log('READY')`
  const owner = spawn(nodeBinary, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const chunk of owner.stdout) if (String(chunk).includes('READY')) owner.kill('SIGKILL')
}
