import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exampleModel } from './models.ts'
import { checkoutDirectory } from './processes/environment.ts'
import { type Stack, type StackDescription, startStack } from './stack.ts'

const defaultPort = 8787
const highestPort = 65_535 - 11

const usage = `npm start -- [--reset]

Starts the whole platform on this machine: Postgres, Redis, a scripted upstream and every Worker.
  --reset   forget all local data first
  RELAY_PORT=<port>   first of the twelve ports to use (default ${defaultPort})
`

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { reset: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } })
  if (values.help) return void process.stdout.write(usage)
  const startedAt = performance.now()
  const progress = (line: string) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
  const ending = waitForEnd()
  const starting = startStack({ directory: join(checkoutDirectory, '.local'), portBase: readPortBase(), reset: values.reset, progress })
  const stack = await Promise.race([starting, ending])
  if (!stack) return abandon(starting)
  progress('ready')
  console.log(describeUse(stack.description))
  await ending
  console.log('\nstopping')
  await stack.stop()
}

/** Resolves on Ctrl-C or a request to end; a second Ctrl-C does not wait for an orderly stop. */
function waitForEnd(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(undefined))
  })
}

/** Asked to end while still starting: what has started belongs to the stack, which must finish before it can be stopped. */
async function abandon(starting: Promise<Stack>): Promise<void> {
  console.log('\nstopping')
  const stack = await starting.catch(() => undefined)
  await stack?.stop()
}

function readPortBase(): number {
  const text = process.env.RELAY_PORT
  if (text === undefined || text === '') return defaultPort
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > highestPort)
    throw new Error(`RELAY_PORT must be a port from 1 to ${highestPort}, not "${text}"`)
  return port
}

function describeUse({ proxyUrl, demo }: StackDescription): string {
  const body = JSON.stringify({ model: exampleModel, messages: [{ role: 'user', content: 'Say hello' }] })
  return `
Base URL   ${proxyUrl}/v1
Demo key   ${demo.apiKey}

curl ${proxyUrl}/v1/chat/completions -H 'authorization: Bearer ${demo.apiKey}' \\
  -H 'content-type: application/json' -d '${body}'

import OpenAI from 'openai'
const client = new OpenAI({ baseURL: '${proxyUrl}/v1', apiKey: '${demo.apiKey}' })
const stream = await client.chat.completions.create({ model: '${exampleModel}', stream: true, messages: [{ role: 'user', content: 'Say hello' }] })
for await (const part of stream) process.stdout.write(part.choices[0]?.delta?.content ?? '')

Addresses and the demo key are also in .local/stack.json, the logs in .local/logs. Ctrl-C stops everything.`
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`\n${error instanceof Error ? error.message : error}`)
    process.exit(1)
  },
)
