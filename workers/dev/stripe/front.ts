import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Api } from './api.ts'
import { answerControl } from './control.ts'
import { answerPage } from './pages.ts'
import type { Peer } from './peer.ts'

/** Stripe as its callers see it: the API, its pages, and the control of tests. The caller starts and closes it. */
export function createStripeFront(peer: Peer): Server {
  const api = new Api(peer)
  return createServer((request, response) => {
    serve(peer, api, request, response).catch((error: unknown) => {
      console.error('the stand-in of Stripe failed:', error) // A defect of this peer, or a client that left before its request was whole.
      response.destroy()
    })
  })
}

async function serve(peer: Peer, api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers } = request
  const url = new URL(request.url ?? '/', peer.url)
  const body = await readText(request)
  if (!url.pathname.startsWith('/v1/')) {
    const answer = url.pathname.startsWith('/control/') ? answerControl : answerPage
    return send(response, await answer(peer, method, url.pathname, body))
  }
  const answer = await api.answer({ method, url, headers, body })
  if (answer.lost === 'cut') return void request.socket.destroy()
  if (answer.lost === 'hang') return // The caller gives up, or the stand-in ends.
  await send(response, Response.json(answer.body, answer))
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function send(response: ServerResponse, answer: Response): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer())
  const headers = [...answer.headers].filter(([name]) => !['content-encoding', 'content-length', 'transfer-encoding'].includes(name))
  response.writeHead(answer.status, [...headers, ['content-length', String(body.length)]].flat()).end(body)
}
