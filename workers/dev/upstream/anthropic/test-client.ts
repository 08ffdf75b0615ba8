import { type RawAnswer, type RawRequest, send, testKey } from '../test-client.ts'

export const credentials = { 'x-api-key': testKey, 'anthropic-version': '2023-06-01' }

/** One raw request to `/anthropic/v1/messages` unless it says otherwise. */
export function sendMessages(url: string, request: RawRequest): Promise<RawAnswer> {
  return send(url, { path: '/anthropic/v1/messages', credentials, ...request })
}

export function messageBody(model: string, text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model, max_tokens: 100, messages: [{ role: 'user', content: text }], ...more }
}

/** Event names with their parsed payloads; a payload that is not JSON stays null. */
export function readNamedEvents(text: string): { name: string; data: Record<string, unknown> | null }[] {
  const events: { name: string; data: Record<string, unknown> | null }[] = []
  let name = ''
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    if (line.startsWith('event: ')) name = line.slice('event: '.length)
    if (line.startsWith('data: ')) events.push({ name, data: parse(line.slice('data: '.length)) })
  }
  return events
}

function parse(json: string): Record<string, unknown> | null {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
