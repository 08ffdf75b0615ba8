import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { exampleModel } from './models.ts'
import { livingOwner } from './processes/claim.ts'
import { checkoutDirectory } from './processes/environment.ts'
import { type StackDescription, startStack } from './stack.ts'

const defaultPort = 8787
/** Ctrl-C reaches the whole group of processes, and a parent may pass it on as well. */
const sameRequestMs = 1_000
const highestPort = 65_535 - 20

const usage = `npm start -- [--reset]

Starts the whole platform on this machine: Postgres, Redis, a scripted upstream, a scripted KMS, a mail server, a Stripe and every Worker.
  --reset   forget all local data first
  RELAY_PORT=<port>   first of the twenty-one ports to use (default ${defaultPort})
`

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { reset: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } })
  if (values.help) return void process.stdout.write(usage)
  const startedAt = performance.now()
  const progress = (line: string) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
  const ending = waitForEnd()
  const portBase = readPortBase()
  const directory = chooseDirectory(portBase)
  const starting = startStack({ directory, portBase, reset: values.reset, progress, signal: ending.signal })
  const stack = await starting.catch((error: unknown) => {
    if (!ending.signal.aborted) throw error
  })
  if (!stack) return
  progress('ready')
  console.log(describeUse(stack.description, basename(directory)))
  await ending.requested
  await stack.stop()
}

/** `.local`; but a second stack of one checkout, on ports of its own, keeps its data beside it, then and later. */
function chooseDirectory(portBase: number): string {
  const usual = join(checkoutDirectory, '.local')
  const own = `${usual}-${portBase}`
  const isSecond = portBase !== defaultPort && (existsSync(own) || livingOwner(usual) !== null)
  return isSecond ? own : usual
}

/** Ctrl-C or a request to end, also while starting. A second one does not wait; the next start clears what that leaves. */
function waitForEnd(): { signal: AbortSignal; requested: Promise<void> } {
  const controller = new AbortController()
  const requested = new Promise<void>((resolve) => {
    let firstAt = 0
    const end = () => {
      if (controller.signal.aborted && Date.now() - firstAt < sameRequestMs) return
      if (controller.signal.aborted) process.exit(130)
      firstAt = Date.now()
      console.log('\nstopping')
      controller.abort(new Error('stopped before it was ready'))
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  })
  return { signal: controller.signal, requested }
}

function readPortBase(): number {
  const text = process.env.RELAY_PORT
  if (text === undefined || text === '') return defaultPort
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > highestPort)
    throw new Error(`RELAY_PORT must be a port from 1 to ${highestPort}, not "${text}"`)
  return port
}

function describeUse({ proxyUrl, mailUrl, demo }: StackDescription, directoryName: string): string {
  const body = JSON.stringify({ model: exampleModel, messages: [{ role: 'user', content: 'Say hello' }] })
  return `
Base URL   ${proxyUrl}/v1
Demo key   ${demo.apiKey}
Sign in    ${demo.email}, password ${demo.password}
Mails      ${mailUrl}

curl ${proxyUrl}/v1/chat/completions -H 'authorization: Bearer ${demo.apiKey}' \\
  -H 'content-type: application/json' -d '${body}'

import OpenAI from 'openai'
const client = new OpenAI({ baseURL: '${proxyUrl}/v1', apiKey: '${demo.apiKey}' })
const stream = await client.chat.completions.create({ model: '${exampleModel}', stream: true, messages: [{ role: 'user', content: 'Say hello' }] })
for await (const part of stream) process.stdout.write(part.choices[0]?.delta?.content ?? '')

Addresses and the demo account are also in ${directoryName}/stack.json, the logs in ${directoryName}/logs. Ctrl-C stops everything.`
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`\n${error instanceof Error ? error.message : error}`)
    process.exit(1)
  },
)
