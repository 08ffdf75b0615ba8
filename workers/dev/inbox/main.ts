import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { createInbox } from './inbox.ts'

const { values } = parseArgs({ options: { port: { type: 'string' } } })
createInbox().listen(Number(values.port), localHost, () => console.log('ready'))
