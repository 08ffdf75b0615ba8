import { parseArgs } from 'node:util'
import { startUpstream } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, host: { type: 'string', default: '127.0.0.1' } } })
const port = Number(values.port)
if (values.port === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error('usage: main.ts --port N [--host 127.0.0.1]')
  process.exit(2)
}

const upstream = await startUpstream({ port, host: values.host })
console.log(`scripted upstream ready at ${upstream.url}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    upstream.close().then(() => process.exit(0))
  })
}
