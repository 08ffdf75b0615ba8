import type { MiddlewareHandler } from 'hono'
import { newId } from '#shared/values/id.ts'

/**
 * Gives every request an id of our own making and puts it on every answer. A client's id is not taken over: it could name another
 * request, and ids are what logs and the ledger are searched by.
 */
export function requestId(): MiddlewareHandler<{ Variables: { requestId: string } }> {
  return async (c, next) => {
    c.set('requestId', newId('req'))
    await next()
    c.res.headers.set('x-request-id', c.var.requestId)
  }
}
