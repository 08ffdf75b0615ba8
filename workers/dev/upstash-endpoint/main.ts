import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { createUpstashEndpoint } from './endpoint.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, 'redis-port': { type: 'string' } } })
const token = process.env.UPSTASH_REDIS_REST_TOKEN
if (!token) throw new Error('UPSTASH_REDIS_REST_TOKEN is not set')
createUpstashEndpoint({ redisPort: Number(values['redis-port']), token }).listen(Number(values.port), localHost, () => console.log('ready'))
