import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AwsV4Signer } from 'aws4fetch'
import { listenAnywhere } from '../testing/throwaway.ts'
import { createKmsEndpoint, type KmsOptions } from './endpoint.ts'
import { type KmsCredential, kmsCredentials, kmsRegion } from './well-known.ts'

export type TestKms = { url: string; end: () => Promise<void> }

/** A KMS on a free port with keys of its own; the caller ends it. */
export async function startTestKms(options: Partial<KmsOptions> = {}): Promise<TestKms> {
  const directory = mkdtempSync(join(tmpdir(), 'relay-kms-'))
  const server = createKmsEndpoint({ stateFile: join(directory, 'kms.json'), ...options })
  const url = await listenAnywhere(server)
  const end = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
    rmSync(directory, { recursive: true, force: true })
  }
  return { url, end }
}

export type Headers = Record<string, string>
export type KmsAnswer = { status: number; requestId: string | undefined; body: Record<string, unknown>; text: string }

export type Signing = {
  credential?: KmsCredential
  region?: string
  service?: string
  /** As `20150830T123600Z`; now when absent. */
  amzDate?: string
}

/** Signs by aws4fetch, which is nothing of ours, so that signer and verifier cannot agree on a mistake. */
export async function signCall(url: string, operation: string, body: unknown, signing: Signing = {}): Promise<Headers> {
  const { credential = kmsCredentials.lasting, region = kmsRegion, service = 'kms', amzDate } = signing
  const signer = new AwsV4Signer({
    url: `${url}/`,
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` },
    body: textOf(body),
    ...credential,
    region,
    service,
    ...(amzDate ? { datetime: amzDate } : {}),
  })
  const { headers } = await signer.sign()
  return { host: new URL(url).host, ...Object.fromEntries(headers) }
}

/** Sends exactly these headers; rejects when the connection is cut before an answer. */
export function sendCall(
  url: string,
  headers: Record<string, string | string[]>,
  body: unknown,
  method = 'POST',
  path = '/',
): Promise<KmsAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        const requestId = response.headers['x-amzn-requestid']
        resolve({
          status: response.statusCode ?? 0,
          requestId: typeof requestId === 'string' ? requestId : undefined,
          body: text.startsWith('{') ? JSON.parse(text) : {},
          text,
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(textOf(body))
  })
}

/** A call as a proper client makes it. */
export async function callKms(url: string, operation: string, body: unknown, signing?: Signing): Promise<KmsAnswer> {
  return sendCall(url, await signCall(url, operation, body, signing), body)
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}
