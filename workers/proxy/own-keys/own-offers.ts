import type { CatalogueModel, CatalogueRoute } from '#db/queries/read-catalogue.ts'
import { DialectName } from '#shared/contracts/dialect.ts'
import { type OwnCredential, type OwnKeys, openaiCompatible } from '#shared/contracts/provider-credential.ts'
import { ownKeyPrice } from '#shared/pricing/own-key-price.ts'
import { ownModelTokens } from '../limits.ts'
import type { Offer } from '../upstream/offers.ts'

/** The provider credentials that a request may use: its customer's, less those that are kept for other API keys. */
export interface OwnMeans {
  credentials: readonly OwnCredential[]
  /** Whether what they cannot serve is served with the customer's balance. */
  fallback: boolean
}

export function ownMeansOf({ credentials, fallback }: OwnKeys, keyId: string): OwnMeans {
  return { credentials: credentials.filter(({ keyIds }) => keyIds === null || keyIds.includes(keyId)), fallback }
}

/** The credentials that a call of a model in a dialect is meant for, paused ones too: while there is one, the balance is not touched without leave. */
export function credentialsFor(model: CatalogueModel, dialect: DialectName, { credentials }: OwnMeans): OwnCredential[] {
  return credentials.filter((credential) => ownRoutes(model, credential).some(({ dialects }) => dialects.includes(dialect)))
}

/** Every way to serve a model by a credential. It costs nothing here, and the provider is asked as we would ask it. */
export function ownOffers(model: CatalogueModel, credential: OwnCredential): Offer[] {
  return ownRoutes(model, credential).map((route) => ownOffer(model, route, credential))
}

/** Where a credential leads to a model; nowhere when it is not meant for it. */
export function ownRoutes(model: CatalogueModel, { credentialId, provider, baseUrl, models }: OwnCredential): CatalogueRoute[] {
  if (models && !models.some((name) => name === model.id || model.aliases.includes(name))) return []
  if (baseUrl === null) return model.routes.filter((route) => takesKeysOf(provider, route))
  return [{ ...compatibleRoute, routeId: credentialId, upstream: new URL(baseUrl).hostname, upstreamModel: model.id, baseUrl }]
}

/** A model that the catalogue does not know and one of the customer's providers is said to serve; undefined when none is. */
export function ownModel(name: string, { credentials }: OwnMeans): CatalogueModel | undefined {
  const serves = credentials.some(({ provider, models }) => provider === openaiCompatible && models?.includes(name))
  return serves ? { ...unlistedModel, id: name } : undefined
}

/** A provider's key goes to that provider alone. A CLIProxyAPI is ours, whatever its row says. */
function takesKeysOf(provider: string, { byok, kind }: CatalogueRoute): boolean {
  return byok === provider && kind !== 'cliproxyapi'
}

function ownOffer(model: CatalogueModel, route: CatalogueRoute, credential: OwnCredential): Offer {
  const key = `${route.routeId}:${credential.credentialId}`
  return { key, healthKey: `${key}:${credential.sealed.version}`, model, route, price: ownKeyPrice, own: { credential, apiKey: null } }
}

const compatibleRoute: Omit<CatalogueRoute, 'routeId' | 'upstream' | 'upstreamModel' | 'baseUrl'> = {
  kind: 'openai',
  credential: '',
  byok: openaiCompatible,
  dialects: DialectName.options.filter((dialect) => dialect.startsWith('openai-')),
  region: null,
  priority: 0,
  weight: 1,
  price: null,
  cost: null,
  isUp: true,
}

const unlistedModel: Omit<CatalogueModel, 'id'> = {
  kind: 'chat',
  aliases: [],
  owner: null,
  displayName: null,
  contextTokens: ownModelTokens,
  maxOutputTokens: ownModelTokens,
  tokenizer: 'unknown',
  createdAtMs: 0,
  price: ownKeyPrice,
  routes: [],
}
