import { parseArgs } from 'node:util'
import { localHost } from '../ports.ts'
import { loadAccessCredentials } from './credentials.ts'
import { createAccessFront } from './front.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, 'admin-port': { type: 'string' }, credentials: { type: 'string' } } })
const credentials = await loadAccessCredentials(values.credentials ?? '')
const teamUrl = `http://${localHost}:${values.port}`
createAccessFront({ credentials, teamUrl, adminPort: Number(values['admin-port']) }).listen(Number(values.port), localHost, () =>
  console.log('ready'),
)
