export { CustomerLedger } from './customer-ledger.ts'

/** The ledger is reached through its objects only; its Worker answers nothing. */
export default { fetch: () => new Response('Not found', { status: 404 }) }
