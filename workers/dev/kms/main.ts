import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { createKmsEndpoint } from './endpoint.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, state: { type: 'string' } } })
if (!values.state) throw new Error('--state FILE is not set')
createKmsEndpoint({ stateFile: values.state }).listen(Number(values.port), localHost, () => console.log('ready'))
