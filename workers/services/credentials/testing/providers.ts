import { createServer, type IncomingMessage } from 'node:http'
import { assert } from '#shared/values/assert.ts'

/** How a provider answers; `headers` besides, and nothing at all for a status of 0. */
export interface ProviderAnswer {
  status: number
  body?: string
  headers?: Record<string, string>
}

export interface Providers {
  url: string
  /** Every request there was, with the key it brought. */
  asked: { method: string | undefined; path: string | undefined; key: string; headers: IncomingMessage['headers'] }[]
  /** How a key is answered; one that is not here is taken. */
  answers: Map<string, ProviderAnswer>
  stop(): void
}

/** Plays the model lists of providers of every family, and tells what it was asked. */
export async function startProviders(): Promise<Providers> {
  const asked: Providers['asked'] = []
  const answers: Providers['answers'] = new Map()
  const server = createServer((request, response) => {
    const { headers, method, url: path } = request
    const key = `${headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers.authorization?.replace('Bearer ', '')}`
    asked.push({ method, path, key, headers })
    const { status, body = '{"data":[]}', headers: more } = answers.get(key) ?? { status: 200 }
    if (status === 0) return void request.socket.destroy()
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...more }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(typeof address === 'object' && address !== null, 'a listening server has an address')
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${address.port}`, asked, answers, stop }
}
