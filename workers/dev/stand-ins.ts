import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { localHost, type Ports } from './ports.ts'
import { acceptsConnections, answersHttp, type Probe } from './probes.ts'
import { checkoutDirectory, inheritedEnvironment, nodeBinary } from './processes/environment.ts'
import type { ProcessPlan } from './processes/supervised.ts'
import { replaceFile } from './replace-file.ts'
import { portalUrlOf } from './worker-processes/vars.ts'

export function planNeon(directory: string, ports: Ports): ProcessPlan {
  const parameters = ['--port', ports.neon, '--postgres-port', ports.postgres]
  return planProgram({ name: 'neon', program: 'neon-endpoint/main.ts', parameters, directory, probe: acceptsConnections(ports.neon) })
}

export function planUpstash(directory: string, ports: Ports, restToken: string): ProcessPlan {
  const parameters = ['--port', ports.upstash, '--redis-port', ports.redis]
  const environment = { UPSTASH_REDIS_REST_TOKEN: restToken }
  const probe = acceptsConnections(ports.upstash)
  return planProgram({ name: 'upstash', program: 'upstash-endpoint/main.ts', parameters, directory, probe, environment })
}

export function planAccess(directory: string, ports: Ports): ProcessPlan {
  const parameters = ['--port', ports.access, '--admin-port', ports.admin, '--credentials', join(directory, 'access.json')]
  const probe = answersHttp(`http://${localHost}:${ports.access}/cdn-cgi/access/certs`)
  return planProgram({ name: 'access', program: 'access-front/main.ts', parameters, directory, probe })
}

export function planUpstream(directory: string, ports: Ports): ProcessPlan {
  const probe = acceptsConnections(ports.upstream)
  return planProgram({ name: 'upstream', program: 'upstream/main.ts', parameters: ['--port', ports.upstream], directory, probe })
}

/** The material of its keys stays in `directory`, so that what a stack has sealed opens after a restart. */
export function planKms(directory: string, ports: Ports): ProcessPlan {
  const parameters = ['--port', ports.kms, '--state', join(directory, 'kms.json')]
  return planProgram({ name: 'kms', program: 'kms/main.ts', parameters, directory, probe: acceptsConnections(ports.kms) })
}

export function planDns(directory: string, ports: Ports): ProcessPlan {
  const probe = acceptsConnections(ports.dns)
  return planProgram({ name: 'dns', program: 'dns/main.ts', parameters: ['--port', ports.dns], directory, probe })
}

/** Where webhooks can be sent while one tries them out. */
export function planInbox(directory: string, ports: Ports): ProcessPlan {
  const probe = acceptsConnections(ports.inbox)
  return planProgram({ name: 'inbox', program: 'inbox/main.ts', parameters: ['--port', ports.inbox], directory, probe })
}

/** GitHub or Google, with people who have accounts there. */
export function planOauth(directory: string, ports: Ports, service: 'github' | 'google'): ProcessPlan {
  const redirectUri = `${portalUrlOf(ports)}/api/auth/oauth/${service}/callback`
  const parameters = ['--service', service, '--port', ports[service], '--redirect-uri', redirectUri]
  return planProgram({ name: service, program: 'oauth/main.ts', parameters, directory, probe: acceptsConnections(ports[service]) })
}

/** Stripe, which tells the api Worker what happens there. It forgets everything when its process ends. */
export function planStripe(directory: string, ports: Ports, { secretKey, webhookSecret }: StripeKeys): ProcessPlan {
  const parameters = ['--port', ports.stripe, '--webhook-url', `http://${localHost}:${ports.api}/api/stripe/events`]
  const environment = { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret }
  const probe = acceptsConnections(ports.stripe)
  return planProgram({ name: 'stripe', program: 'stripe/main.ts', parameters, directory, probe, environment })
}

/** Takes every mail and delivers none: it shows them on a page and by its API. */
export function planMail(directory: string, ports: Ports, password: string): ProcessPlan {
  const options = {
    smtp: ports.smtp,
    web: ports.mail,
    ip: localHost,
    'web-ip': localHost,
    'max-emails': 1_000,
    'mail-directory': join(directory, 'mail'),
  }
  const program = join(checkoutDirectory, 'node_modules', 'maildev', 'dist', 'bin', 'maildev.js')
  return {
    name: 'mail',
    command: nodeBinary,
    parameters: [program, ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]), '--silent'],
    environment: inheritedEnvironment({ MAILDEV_INCOMING_USER: mailUser, MAILDEV_INCOMING_PASS: password }),
    workingDirectory: directory,
    directory,
    probe: answersHttp(`http://${localHost}:${ports.mail}/api/email`),
    readyTimeoutMs: 20_000,
    stopSignal: 'SIGTERM',
  }
}

/** Whom the local mail server lets send. */
export const mailUser = 'relay'

/** The password of the local mail server, made once and kept. */
export function loadMailPassword(directory: string): string {
  return loadToken(directory, 'mail-password')
}

/** The token of the local Upstash endpoint, made once and kept. */
export function loadRestToken(directory: string): string {
  return loadToken(directory, 'upstash-token')
}

/** The key of the local Stripe's API and the secret it signs by. */
export type StripeKeys = { secretKey: string; webhookSecret: string }

/** Made once and kept. */
export function loadStripeKeys(directory: string): StripeKeys {
  return {
    secretKey: `sk_test_${loadToken(directory, 'stripe-key')}`,
    webhookSecret: `whsec_${loadToken(directory, 'stripe-webhook-secret')}`,
  }
}

function loadToken(directory: string, name: string): string {
  const file = join(directory, name)
  if (!existsSync(file)) replaceFile(file, randomBytes(24).toString('hex'))
  return readFileSync(file, 'utf8')
}

/** The key encryption key of the local stack, made once and kept as long as the secrets it wraps; as the variable LOCAL_KEKS. */
export function loadLocalKeks(directory: string): string {
  const file = join(directory, 'local-keks')
  if (!existsSync(file)) replaceFile(file, JSON.stringify({ local1: randomBytes(32).toString('base64') }))
  return readFileSync(file, 'utf8')
}

type Program = {
  name: string
  /** Path below `workers/dev`. */
  program: string
  parameters: (string | number)[]
  directory: string
  probe: Probe
  environment?: Record<string, string>
}

function planProgram({ name, program, parameters, directory, probe, environment }: Program): ProcessPlan {
  return {
    name,
    command: nodeBinary,
    parameters: [join(checkoutDirectory, 'workers', 'dev', program), ...parameters.map(String)],
    environment: inheritedEnvironment(environment),
    workingDirectory: checkoutDirectory,
    directory,
    probe,
    readyTimeoutMs: 20_000,
    stopSignal: 'SIGTERM',
  }
}
