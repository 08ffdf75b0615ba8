import type { Context } from 'hono'
import type { Platform } from '#workers/services/platform.ts'
import { type Caller, callerIdOf } from './caller/caller.ts'
import type { ApiContext } from './env.ts'

/** What the verbs of `workers/services` need, for the one who asks; `somebody` stands for who is not signed in yet. */
export function callPlatform(c: Context<ApiContext>, caller: Caller | null): Platform {
  const { db, transact, ledger } = c.var.surroundings
  const type = caller?.type === 'management_key' ? 'management_key' : 'user'
  const id = caller ? callerIdOf(caller) : 'somebody'
  return { db, transact, ledger, actor: { type, id, ip: clientIpOf(c), requestId: c.var.requestId } }
}

/** The address that the edge saw; behind no edge, as in a local stack, there is only this machine. */
export function clientIpOf(c: Context<ApiContext>): string {
  return c.req.header('cf-connecting-ip') ?? '127.0.0.1'
}
