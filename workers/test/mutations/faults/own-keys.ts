import { faultsIn } from '../fault.ts'

const offering = ['workers/proxy/own-keys/own-offers.test.ts']
const opening = ['workers/proxy/own-keys/open-own-keys.test.ts']
const attempting = ['workers/proxy/upstream/attempts.test.ts']
const calling = ['workers/proxy/upstream/call.test.ts']
const admitting = ['workers/proxy/admission/admit.test.ts']
const serving = ['workers/proxy/answer/own-account.test.ts']
const relaying = ['workers/proxy/relay-own-keys.test.ts']
const authenticating = ['workers/proxy/caller/authenticate.test.ts']
const deciding = ['workers/ledger/own-keys.test.ts']
const noting = ['db/queries/note-credential-use.test.ts']
const keeping = ['db/queries/provider-credentials.test.ts']

/** Keys that customers bring along: where they go, what they spare the balance, and that it is not touched in their place. */
export const ownKeys = [
  ...faultsIn('workers/proxy/own-keys/own-offers.ts', offering, [
    { promise: "a customer's key goes to its provider alone", find: 'byok === provider && kind', replace: 'byok !== null && kind' },
    { promise: "a CLIProxyAPI of ours takes no customer's key", find: " && kind !== 'cliproxyapi'", replace: '' },
    {
      promise: 'a credential for other API keys serves none',
      find: 'keyIds === null || keyIds.includes(keyId)',
      replace: 'keyIds !== undefined || keyId',
    },
    {
      promise: 'a credential for other models serves none',
      find: '  if (models && !models.some((name) => name === model.id || model.aliases.includes(name))) return []\n',
      replace: '',
    },
    { promise: 'what an own account serves is not sold', find: 'price: ownKeyPrice, own:', replace: 'price: model.price, own:' },
    { promise: 'an own account is not the route that it shares', find: ':${credential.credentialId}`', replace: '`' },
  ]),
  ...faultsIn('workers/proxy/upstream/offers.ts', offering, [
    { promise: 'the balance is not touched without leave', find: 'credentials.length === 0 || means.fallback ?', replace: 'means ?' },
    {
      promise: 'nor is it while all credentials are paused',
      find: 'credentials.length === 0 || means.fallback ?',
      replace: 'own.length === 0 || means.fallback ?',
    },
    { promise: 'a paused credential is not tried', find: 'credentials.filter(({ isPaused }) => !isPaused)', replace: 'credentials' },
    {
      promise: 'an own account comes before what is paid for',
      find: '          own ? 0 : 1,\n          isReady ? 0 : 1,\n',
      replace: '          isReady ? 0 : 1,\n          own ? 0 : 1,\n',
    },
    {
      promise: 'own accounts are tried in the order of their customer',
      find: '          own?.credential.priority ?? 0,\n          route.priority,\n',
      replace: '          route.priority,\n          own?.credential.priority ?? 0,\n',
      money: false,
    },
    {
      promise: 'a bound conversation stays with its own account',
      find: 'return own ? own.credential.credentialId : route.upstream',
      replace: 'return route.upstream',
    },
    { promise: 'a bound conversation is kept by an own account', find: '[offer, [own ? 0 : 1, own?', replace: '[offer, [own?' },
  ]),
  ...faultsIn('workers/proxy/own-keys/open-own-keys.ts', opening, [
    {
      promise: 'what paid routes could serve waits for the own key',
      find: 'if (keys.size === 0) throw',
      replace: 'if (keys.size === 0 && offers.every(({ own }) => own)) throw',
    },
    { promise: 'an own offer without its key is left out', find: 'apiKey === undefined ? [] :', replace: 'apiKey === undefined ? offer :' },
    {
      promise: 'an address of a customer is judged at each use',
      find: '        await requirePublic(credential, surroundings)\n',
      replace: '',
      money: false,
    },
    {
      promise: 'an address that nobody can resolve is not called',
      find: "  if (verdict.outcome === 'unknown') throw new ApiError('byok_unavailable', { retryAfterMs: 5_000 })\n",
      replace: '',
      money: false,
    },
    {
      promise: 'a failure that will pass is told before one that will not',
      find: "failures.find(({ code }) => code === 'byok_unavailable') ?? failures[0]",
      replace: 'failures[0]',
      money: false,
    },
    { promise: 'no more keys are opened than may be tried', find: '.slice(0, attemptsMost)', replace: '', money: false },
    {
      promise: 'what is wrong with the settings is not told to clients',
      find: "new ApiError('byok_unavailable', { retryAfterMs: error",
      replace: "new ApiError('byok_unavailable', { message: error.message, retryAfterMs: error",
      money: false,
    },
  ]),
  ...faultsIn('workers/proxy/upstream/attempts.ts', attempting, [
    {
      promise: 'an attempt tells whose account it was',
      find: 'upstream, ...credential, ...ending',
      replace: 'upstream, ...ending',
      money: false,
    },
    {
      promise: 'a customer is told that its own key was refused',
      find: "offer.own && outcome === 'unauthorized' ? ownKeyRefused(offer.own) : told",
      replace: 'told',
      money: false,
    },
    {
      promise: 'a failing own account says nothing of ours',
      find: 'this.#health.ended(offer.healthKey,',
      replace: 'this.#health.ended(offer.route.routeId,',
      money: false,
    },
  ]),
  ...faultsIn('workers/proxy/upstream/call.ts', calling, [
    {
      promise: "a customer's own provider is called below its version",
      find: "byok === openaiCompatible ? path.replace(/^\\/v1/, '') : path",
      replace: 'path',
      money: false,
    },
    { promise: 'nobody is called without a key', find: '  if (credential === null)\n', replace: "  if (credential === '')\n" },
  ]),
  ...faultsIn('workers/proxy/admission/admit.ts', admitting, [
    { promise: 'the ledger is told that own accounts serve a request', find: '      ...(isByok && { isByok }),\n', replace: '' },
    {
      promise: 'the ledger is told by which credentials a request was routed',
      find: '      ...(ownKeys.version > 0 && { credentialsVersion: ownKeys.version }),\n',
      replace: '',
    },
    {
      promise: 'changed credentials are no refusal',
      find: "if (outcome.outcome === 'credentials_changed') return null",
      replace: "if (outcome.outcome === 'credentials_changed') throw unavailable()",
      money: false,
    },
  ]),
  ...faultsIn('workers/proxy/relay.ts', relaying, [
    {
      promise: 'changed credentials are read before a request is routed anew',
      find: 'await admitRouted(asked, await authenticateAgain(exchange, caller))',
      replace: 'await admitRouted(asked, caller)',
    },
    {
      promise: 'own accounts do not wait for money',
      find: 'if (!isShortOfMoney(error) ||',
      replace: 'if (isShortOfMoney(error) ||',
    },
    {
      promise: 'a request that is short of money is admitted for own accounts only',
      find: 'return admitOffers(asked, caller, free)',
      replace: 'return { offers, admission: (await admitOffers(asked, caller, free))?.admission as Admission }',
    },
    {
      promise: 'a request that paid routes may serve is held for',
      find: 'isByok: offers.every((offer) => offer.own)',
      replace: 'isByok: offers.some((offer) => offer.own)',
    },
    {
      promise: 'keys of a customer are opened before it is admitted',
      find: 'await openOwnKeys(offersOf(',
      replace: 'await Promise.resolve(offersOf(',
    },
  ]),
  ...faultsIn('workers/proxy/answer/admitted-call.ts', serving, [
    { promise: 'an own account costs nothing', find: '...(offer?.own && { costNanos: 0 }), ', replace: '' },
    {
      promise: 'an own account is never asked with our key',
      find: 'own ? own.apiKey : (exchange.surroundings.credentials.get(route.credential) ?? null)',
      replace: "own?.apiKey ?? exchange.surroundings.credentials.get('scripted') ?? null",
    },
    {
      promise: 'the usage of an own account is told as if we sold it',
      find: 'offer?.own ? ownUsagePrice(offer.model) : (offer?.price ?? null)',
      replace: 'offer?.price ?? null',
      money: false,
    },
    {
      promise: 'an own account is told as its provider reports it',
      find: 'units: { secondNanos: 0, webSearchNanos: 0, ...price.units }',
      replace: 'units: { ...price.units }',
      money: false,
    },
    {
      promise: 'a settlement tells whose account served',
      find: '      ...(this.#attempts.offer?.own && { credentialId: this.#attempts.offer.own.credential.credentialId }),\n',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('workers/proxy/caller/authenticate.ts', authenticating, [
    {
      promise: 'own keys that were read again are known from then on',
      find: '  knownKeys.set(keyHash, {',
      replace: '  if (!knownKeys.get(keyHash)) knownKeys.set(keyHash, {',
      money: false,
    },
  ]),
  ...faultsIn('workers/ledger/rules.ts', deciding, [
    { promise: 'own credentials are not exposed', find: 'if (!admit.isByok && isTooExposed', replace: 'if (isTooExposed', money: false },
    {
      promise: 'own credentials need no balance',
      find: 'if (refusal || admit.isByok) return refusal ?? admitted',
      replace: 'if (refusal) return refusal',
    },
    {
      promise: 'own credentials are limited like others',
      find: 'if (refusal || admit.isByok) return refusal ?? admitted',
      replace: 'if (refusal || admit.isByok) return admit.isByok ? admitted : (refusal ?? admitted)',
      money: false,
    },
    {
      promise: 'a request that was routed by older credentials is not admitted',
      find: "  if ((account.credentialsVersion ?? 0) > (admit.credentialsVersion ?? 0)) return { outcome: 'credentials_changed' }\n",
      replace: '',
    },
    {
      promise: 'a request that was routed by newer credentials is admitted',
      find: '(account.credentialsVersion ?? 0) > (admit',
      replace: '(account.credentialsVersion ?? 0) !== (admit',
      money: false,
    },
    {
      promise: 'only own credentials need no balance',
      find: 'if (refusal || admit.isByok) return refusal ?? admitted',
      replace: 'if (refusal || admit.holdNanos === 0) return refusal ?? admitted',
    },
  ]),
  ...faultsIn('db/queries/note-credential-use.ts', noting, [
    {
      promise: 'a forbidden request is no refusal of the key',
      find: "ended === 'unauthorized' && status === 403 ? 'refused' : ended",
      replace: 'ended',
      money: false,
    },
    {
      promise: 'a refusal of an earlier key pauses no other',
      find: '\n        and s.created_at <= f.started_at',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('db/queries/remove-provider-credential.ts', keeping, [
    {
      promise: 'a removed credential is told to the ledger',
      find: 'set credentials_version = o.credentials_version + 1, balance_version',
      replace: 'set balance_version',
    },
    {
      promise: 'a removed credential takes its key along',
      find: "delete from secrets s using removed r where s.owner_table = 'provider_credentials' and s.owner_id = r.id",
      replace: 'select 1',
      money: false,
    },
    {
      promise: 'a credential is removed by its customer alone',
      find: ' and organization_id = ${organizationId} returning',
      replace: ' returning',
      money: false,
    },
  ]),
  ...faultsIn('db/queries/replace-provider-credential.ts', keeping, [
    {
      promise: 'a replaced credential is told to the ledger',
      find: 'set credentials_version = o.credentials_version + 1, balance_version',
      replace: 'set balance_version',
      money: false,
    },
    {
      promise: 'a key is replaced only over the one before it',
      find: ' and s.version = ${sealed.version}::integer - 1',
      replace: '',
      money: false,
    },
  ]),
  ...faultsIn('db/queries/set-byok-fallback.ts', keeping, [
    {
      promise: 'leave to use the balance is told to the ledger',
      find: '      credentialsVersion: sql`${organizations.credentialsVersion} + 1`,\n',
      replace: '',
    },
  ]),
]
