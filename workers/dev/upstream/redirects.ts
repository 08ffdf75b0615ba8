import type { Dialect } from './dialect.ts'
import type { Exchange, HeaderList } from './exchange.ts'

export const redirectStatuses = [301, 302, 303, 307, 308]
const landing = '/redirected'

/** Sends the client on, on this host, to where its visit is a leak; the record tells by its path where it came from. */
export function answerRedirect(exchange: Exchange, status: number, headers: HeaderList = []): void {
  const path = exchange.record.path.split('?', 1)[0] ?? ''
  exchange.answer(status, [...headers, 'location', `${landing}${path}`], '')
}

/** A customer's provider that answers everything under `/redirecting/{status}` with that redirect. */
export const redirectingDialect: Dialect = {
  prefix: '/redirecting',
  keysOf: 'customer',
  refuseLeaks,
  reportFault,
  async answer(exchange, path) {
    const status = Number(path.split('/')[1])
    if (redirectStatuses.includes(status)) answerRedirect(exchange, status)
    else exchange.answer(404, ['content-type', 'text/plain'], 'Not a redirect.\n')
  },
}

/** Where redirects lead. Nobody has any business here, so each request is recorded with the leak `redirect`. */
export const redirectedDialect: Dialect = {
  prefix: landing,
  refuseLeaks,
  reportFault,
  async answer(exchange) {
    exchange.record.leaks.push('redirect')
    refuseLeaks(exchange, exchange.record.leaks)
  },
}

function refuseLeaks(exchange: Exchange, leaks: readonly string[]): void {
  exchange.answer(400, ['content-type', 'text/plain'], `relay_leak: ${leaks.join(', ')}\n`)
}

function reportFault(exchange: Exchange): void {
  exchange.answer(500, ['content-type', 'text/plain'], 'The scripted upstream failed.\n')
}
