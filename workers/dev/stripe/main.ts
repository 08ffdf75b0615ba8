import { parseArgs } from 'node:util'
import { startStripe } from './stand-in.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, 'webhook-url': { type: 'string' } } })
const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: secret } = process.env
if (!secretKey || !secret) throw new Error('STRIPE_SECRET_KEY or STRIPE_WEBHOOK_SECRET is not set')
await startStripe({ port: Number(values.port), secretKey, webhook: { url: values['webhook-url'] ?? '', secret } })
console.log('ready')
