import { authenticate } from './authenticate.ts'
import { catalogue } from './catalogue.ts'
import type { Exchange } from './exchange.ts'

/** `GET /v1/models`, as OpenAI answers it. */
export async function listModels(exchange: Exchange): Promise<Response> {
  await authenticate(exchange)
  const models = await catalogue(exchange.surroundings, exchange.waitUntil)
  const data = [...models.values()].map((model) => ({
    id: model.id,
    object: 'model',
    created: Math.floor(model.createdAtMs / 1_000),
    owned_by: 'rocket-relay',
  }))
  return Response.json({ object: 'list', data })
}
