import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { replaceFile } from './replace-file.ts'

/** A customer to try things with: a key that calls models, and the owner, who signs in. */
export type Demo = { apiKey: string; organizationId: string; email: string; password: string }

/** What `stack.json` tells about a running stack. A field is there only when its part exists. */
export type StackDescription = {
  proxyUrl: string
  apiUrl: string
  adminUrl: string
  portalUrl?: string
  postgresUrl: string
  redisUrl: string
  upstreamUrl: string
  kmsUrl: string
  /** The scripted resolver; `/control/names/<name>` sets what a name answers. */
  dnsUrl: string
  /** Every mail that the platform has sent: a page, and `/api/email`. */
  mailUrl: string
  /** Takes webhooks at `/hooks/<name>` and shows them: a page, and `/api/received/<name>`. */
  inboxUrl: string
  /** Stand-ins that people sign in at, by one click. */
  githubUrl: string
  googleUrl: string
  /** Stripe: its API, the pages that people pay at, and `/control/`, which needs no key. */
  stripeUrl: string
  demo: Demo
  access: { clientId: string; clientSecret: string }
}

export function writeDescription(file: string, description: StackDescription): void {
  replaceFile(file, `${JSON.stringify(description, null, 2)}\n`)
}

/** What an earlier run wrote down of the demo; the database keeps only hashes of it. */
const KeptDescription = z.object({ demo: z.object({ apiKey: z.string().optional(), password: z.string().optional() }) })
export type KeptDemo = z.infer<typeof KeptDescription>['demo']

export function readKeptDemo(file: string): KeptDemo {
  try {
    return KeptDescription.parse(JSON.parse(readFileSync(file, 'utf8'))).demo
  } catch {
    return {} // The first start, or a file from a crash: the seed makes a new key and a new password.
  }
}
