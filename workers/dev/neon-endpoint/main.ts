import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { createNeonEndpoint } from './endpoint.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, 'postgres-port': { type: 'string' } } })
createNeonEndpoint(Number(values['postgres-port'])).listen(Number(values.port), localHost, () => console.log('ready'))
