import { WorkerEntrypoint } from 'cloudflare:workers'
import type { WebhooksEnv } from './env.ts'

/** Delivers to one endpoint, in an invocation of its own. */
export class Deliverer extends WorkerEntrypoint<WebhooksEnv> {}

export default {
  fetch: () => new Response('Not found', { status: 404 }),
} satisfies ExportedHandler<WebhooksEnv>
