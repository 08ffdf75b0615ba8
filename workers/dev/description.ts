import { readFileSync } from 'node:fs'
import { replaceFile } from './replace-file.ts'

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
  demo: { apiKey: string; organizationId: string; email?: string; password?: string }
  access: { clientId: string; clientSecret: string }
}

export function writeDescription(file: string, description: StackDescription): void {
  replaceFile(file, `${JSON.stringify(description, null, 2)}\n`)
}

/** The demo key an earlier run wrote down; the database keeps only its hash. */
export function readKeptApiKey(file: string): string | undefined {
  try {
    const description: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof description !== 'object' || description === null || !('demo' in description)) return undefined
    const { demo } = description
    if (typeof demo !== 'object' || demo === null || !('apiKey' in demo)) return undefined
    return typeof demo.apiKey === 'string' ? demo.apiKey : undefined
  } catch {
    return undefined // The first start, or a file from a crash: the seed makes a new key.
  }
}
