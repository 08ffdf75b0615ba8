import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { CommandFailure } from './failure.ts'

/** Where the admin Worker is, and the service token that Cloudflare Access wants to see. */
export interface Deployment {
  adminUrl: string
  clientId: string
  clientSecret: string
}

const localStack = fileURLToPath(new URL('../../../.local/stack.json', import.meta.url))
const names = ['RELAY_ADMIN_URL', 'RELAY_ACCESS_CLIENT_ID', 'RELAY_ACCESS_CLIENT_SECRET'] as const

/** The part of stack.json that this command needs. */
const Stack = z.object({ adminUrl: z.url(), access: z.object({ clientId: z.string().min(1), clientSecret: z.string().min(1) }) })

/** The deployment that the environment names, else the local stack. Half a configuration is refused: a guess could meet the wrong platform. */
export function findDeployment(env: Record<string, string | undefined>): Deployment {
  const missing = names.filter((name) => !env[name])
  if (missing.length === names.length) return readStack(env.RELAY_STACK || localStack)
  if (missing.length > 0) {
    throw new CommandFailure(`${missing.join(' and ')} must be set as well.`, [
      `Set all of ${names.join(', ')}, or none for the local stack.`,
    ])
  }
  const [adminUrl = '', clientId = '', clientSecret = ''] = names.map((name) => env[name])
  return { adminUrl: checkedUrl(adminUrl), clientId, clientSecret }
}

function readStack(file: string): Deployment {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new CommandFailure(`No deployment: RELAY_ADMIN_URL is not set, and there is no ${file}.`, [
      'Start the local stack with npm start.',
    ])
  }
  const stack = Stack.safeParse(jsonOf(text))
  if (!stack.success)
    throw new CommandFailure(`${file} does not describe a running stack.`, ['Start the local stack again with npm start.'])
  const { adminUrl, access } = stack.data
  return { adminUrl: checkedUrl(adminUrl), clientId: access.clientId, clientSecret: access.clientSecret }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The secret of the service token goes with every request, so it leaves this machine only encrypted. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new CommandFailure(`"${text}" is not the URL of an admin Worker.`, ['It begins with https://.'])
  const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (url.protocol === 'http:' && !isLocal)
    throw new CommandFailure('The admin URL must begin with https://.', ['The service token would be sent in clear.'])
  return url.href.replace(/\/$/, '')
}
