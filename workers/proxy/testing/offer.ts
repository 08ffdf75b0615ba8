import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { type Offer, paidOffer } from '../upstream/offers.ts'

/** One nano-dollar for a token of input, ten for one of output. */
export const price = {
  priceVersionId: 'prc_1',
  inputPicos: 1_000,
  cacheReadPicos: 1_000,
  cacheWrite5mPicos: 1_000,
  cacheWrite1hPicos: 1_000,
  outputPicos: 10_000,
}

export function routeOf(fields: Partial<CatalogueRoute> = {}): CatalogueRoute {
  return {
    routeId: 'rte_1',
    upstream: 'scripted',
    kind: 'openai',
    baseUrl: 'https://upstream.test',
    credential: 'scripted',
    byok: null,
    upstreamModel: 'm',
    dialects: ['openai-chat'],
    region: null,
    priority: 0,
    weight: 1,
    price: null,
    cost: null,
    isUp: true,
    ...fields,
  }
}

export function modelOf(fields: Partial<CatalogueModel> = {}): CatalogueModel {
  return {
    id: 'm',
    kind: 'chat',
    aliases: [],
    owner: null,
    displayName: null,
    contextTokens: 1_000,
    maxOutputTokens: 100,
    tokenizer: 'unknown',
    createdAtMs: 0,
    price,
    routes: [routeOf()],
    ...fields,
  }
}

export function offerOf(fields: Partial<CatalogueRoute> = {}): Offer {
  const route = routeOf(fields)
  const model = modelOf({ routes: [route] })
  return paidOffer(model, route)
}
