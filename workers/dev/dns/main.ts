import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { createDnsEndpoint } from './endpoint.ts'

const { values } = parseArgs({ options: { port: { type: 'string' } } })
createDnsEndpoint().listen(Number(values.port), localHost, () => console.log('ready'))
