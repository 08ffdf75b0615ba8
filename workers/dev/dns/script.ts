import { z } from 'zod'

/** What a name answers to a question for its addresses. */
const Reply = z.strictObject({
  a: z.array(z.ipv4()).default([]),
  aaaa: z.array(z.ipv6()).default([]),
  /** The addresses are those of this name, of which the asked one is an alias. */
  cname: z.string().optional(),
  /** Answer code of DNS: 0 answered, 2 the resolver failed, 3 no such name. */
  status: z.int().min(0).max(23).default(0),
  ttlSeconds: z.int().nonnegative().default(300),
  delayMs: z.int().nonnegative().default(0),
})
export type Reply = z.output<typeof Reply>

/** One reply for ever, or one after the other for each type that is asked, so that a name can turn private. */
export const Script = z.union([Reply, z.strictObject({ sequence: z.array(Reply).min(1) })])
export type Script = z.output<typeof Script>

/** Names that are there without a script of one's own. */
export const fixedNames: Record<string, Script> = {
  'public.target.example.com': Reply.parse({ a: ['93.184.215.14'], aaaa: ['2606:2800:21f:cb07:6820:80da:af6b:8b2c'] }),
  'private.target.example.com': Reply.parse({ a: ['10.0.0.7'] }),
  'alias.target.example.com': Reply.parse({ cname: 'intranet.target.example.com', a: ['192.168.1.7'] }),
  'failing.target.example.com': Reply.parse({ status: 2 }),
}
