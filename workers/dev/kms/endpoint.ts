import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { CallLog, type KmsCall } from './call-log.ts'
import type { SignedRequest } from './canonical-request.ts'
import { answerControl, type Controlled } from './control.ts'
import { type Fault, Faults, throwFault } from './faults.ts'
import { Keys } from './keys.ts'
import { operations } from './operations.ts'
import { KmsRefusal } from './refusal.ts'
import { isContext } from './requests.ts'
import { verifySignature } from './signature.ts'
import { type KmsCredential, kmsCredentials } from './well-known.ts'

const contentType = 'application/x-amz-json-1.1'
const targetPrefix = 'TrentService.'
/** KMS takes nothing near this; it only keeps a mistake from filling the memory. */
const bodyBytes = 1024 * 1024

export type KmsOptions = {
  /** Where the material of the keys is kept; made when it is absent. */
  stateFile: string
  credentials?: readonly KmsCredential[]
  /** Milliseconds since the epoch; for tests of what a wrong clock brings. */
  now?: () => number
}

type Peer = Controlled & Required<Omit<KmsOptions, 'stateFile'>>

/** Plays AWS KMS over AWS JSON 1.1. The caller starts and closes the server. */
export function createKmsEndpoint(options: KmsOptions): Server {
  const { stateFile, credentials = Object.values(kmsCredentials), now = Date.now } = options
  const peer: Peer = { keys: new Keys(stateFile), faults: new Faults(), calls: new CallLog(), credentials, now }
  return createServer((request, response) => {
    const isControl = /^\/control(\/|$)/.test(request.url ?? '')
    const work = isControl ? answerControl(request, response, peer) : answerCall(request, response, peer)
    work.catch((error: unknown) => {
      console.error('scripted KMS failed:', error) // A defect of this peer, or a client that left before its request was whole.
      response.destroy()
    })
  })
}

async function answerCall(request: IncomingMessage, response: ServerResponse, peer: Peer): Promise<void> {
  const fault = peer.faults.take()
  const call = newCall(request)
  const body = await readBody(request)
  await wait(fault?.delayMs ?? 0, undefined, { ref: false })
  if (fault?.kind === 'down') {
    peer.calls.add({ ...call, outcome: 'cut' })
    request.socket.destroy()
    return
  }
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  if (request.method !== 'POST' || path !== '/' || mediaType(request) !== contentType) return refuseStranger(response, call, peer)
  const signed: SignedRequest = { method: request.method, query, headers: groupHeaders(request.rawHeaders), body }
  try {
    const answer = serve(call, signed, fault, peer)
    const keyArn = typeof answer.KeyId === 'string' ? answer.KeyId : null
    peer.calls.add({ ...call, keyArn, outcome: 'ok' })
    send(response, call, 200, answer)
  } catch (error) {
    if (!(error instanceof KmsRefusal)) throw error
    peer.calls.add({ ...call, outcome: error.type })
    send(response, call, error.status, error.body)
  }
}

/** The operation is looked up before the signature is, and the body is read after: nothing unsigned has a say in what is done. */
function serve(call: KmsCall, signed: SignedRequest, fault: Fault | undefined, peer: Peer): Record<string, unknown> {
  const operation = operations.get(call.operation)
  if (!operation) throw new KmsRefusal('UnknownOperationException')
  if (signed.body.length > bodyBytes) throw new KmsRefusal('RequestEntityTooLargeException')
  verifySignature(signed, peer.credentials, peer.now())
  throwFault(fault)
  const body = parseJson(signed.body)
  describeCall(call, body)
  return operation(body, peer.keys)
}

function newCall(request: IncomingMessage): KmsCall {
  const target = String(request.headers['x-amz-target'] ?? '')
  const operation = target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : ''
  const nothing = { keyId: null, keyArn: null, context: null, destinationContext: null }
  return { at: Date.now(), requestId: randomUUID(), operation, ...nothing, outcome: 'ok' }
}

/** Writes into the log's entry what the body names, also when the operation then refuses it. */
function describeCall(call: KmsCall, body: object): void {
  const members: Record<string, unknown> = { ...body }
  const keyId = members.KeyId ?? members.DestinationKeyId
  const context = members.EncryptionContext ?? members.SourceEncryptionContext
  if (typeof keyId === 'string') call.keyId = keyId
  if (isContext(context)) call.context = context
  if (isContext(members.DestinationEncryptionContext)) call.destinationContext = members.DestinationEncryptionContext
}

/** What is no AWS JSON at all gets this from AWS' front, without a word on what is wrong. */
function refuseStranger(response: ServerResponse, call: KmsCall, peer: Peer): void {
  peer.calls.add({ ...call, outcome: 'UnknownOperationException' })
  response.writeHead(404, { 'x-amzn-requestid': call.requestId }).end('<UnknownOperationException/>\n')
}

function send(response: ServerResponse, call: KmsCall, status: number, content: unknown): void {
  const body = Buffer.from(JSON.stringify(content))
  response.writeHead(status, { 'x-amzn-requestid': call.requestId, 'content-type': contentType, 'content-length': body.length }).end(body)
}

function mediaType(request: IncomingMessage): string | undefined {
  return request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
}

/** One byte past the cap is enough to know that there is too much. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (size <= bodyBytes) chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks)
}

/** Node's own record keeps only the first of some repeated headers, and what it drops may be what was signed. */
function groupHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[index + 1] ?? ''])
  }
  return headers
}

function parseJson(body: Uint8Array): object {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch {
    // Not UTF-8 or not JSON: the same to KMS as JSON that is no object.
  }
  throw new KmsRefusal('SerializationException')
}
