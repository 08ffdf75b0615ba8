import type { MiddlewareHandler } from 'hono'
import type { AdminContext } from './env.ts'

/** Writes one line for every request that may change something: who, what, which customer, and how it ended. Never a body. */
export function adminLog(): MiddlewareHandler<AdminContext> {
  return async (c, next) => {
    await next()
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return
    const { requestId, actor } = c.var
    console.log(JSON.stringify({ event: 'admin_action', requestId, actor, method: c.req.method, path: c.req.path, status: c.res.status }))
  }
}
