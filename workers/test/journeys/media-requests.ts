import { inject } from 'vitest'
import { promptOf } from './conversation.ts'
import type { Customer } from './customers.ts'

/** Small files that look like what they are called; the scripted upstream reads no more of them. */
export const picture = new File([new Uint8Array(600).fill(7)], 'fox.png', { type: 'image/png' })
export const sound = new File([new Uint8Array(3_001).fill(9)], 'talk.mp3', { type: 'audio/mpeg' })
/** The scripted upstream bills it by the seconds in its name; it has as many bytes as half a minute has at least. */
export const timedSound = new File([new Uint8Array(24_000).fill(9)], 'talk.seconds-30.mp3', { type: 'audio/mpeg' })

type Send = (customer: Customer, model: string, more?: object) => Promise<Response>

/** Every endpoint beside chat, asked without a client in between. `more` are fields on top. */
export const endpoints = {
  embeddings: json('/v1/embeddings', () => ({ input: promptOf() })),
  images: json('/v1/images/generations', () => ({ prompt: promptOf() })),
  edits: form('/v1/images/edits', () => [
    ['prompt', promptOf()],
    ['image', picture],
  ]),
  speech: json('/v1/audio/speech', () => ({ input: promptOf('[tokens=12]'), voice: 'ash' })),
  transcriptions: form('/v1/audio/transcriptions', () => [
    ['file', sound],
    ['prompt', promptOf()],
  ]),
  timed: form('/v1/audio/transcriptions', () => [
    ['file', timedSound],
    ['prompt', promptOf()],
  ]),
  moderations: json('/v1/moderations', () => ({ input: promptOf('[flagged]') })),
} satisfies Record<string, Send>
export type Endpoint = keyof typeof endpoints

function json(path: string, fields: () => object): Send {
  return (customer, model, more = {}) => customer.send(path, { method: 'POST', body: JSON.stringify({ model, ...fields(), ...more }) })
}

function form(path: string, fields: () => [string, string | File][]): Send {
  return (customer, model, more = {}) => {
    const body = new FormData()
    for (const [name, value] of [...fields(), ['model', model] as const]) body.append(name, value)
    for (const [name, value] of Object.entries(more)) body.append(name, String(value))
    const headers = { authorization: `Bearer ${customer.apiKey}` }
    return customer.fetch(inject('stack').proxyUrl + path, { method: 'POST', headers, body })
  }
}
