import { parseArgs } from 'node:util'
import { demoApplication, demoPeople } from './people.ts'
import { startOauthProvider } from './provider.ts'

const { values } = parseArgs({ options: { service: { type: 'string' }, port: { type: 'string' }, 'redirect-uri': { type: 'string' } } })
const service = values.service === 'google' ? 'google' : 'github'
const redirectUri = values['redirect-uri'] ?? ''
await startOauthProvider({ service, port: Number(values.port), people: demoPeople, application: demoApplication, redirectUri })
console.log('ready')
