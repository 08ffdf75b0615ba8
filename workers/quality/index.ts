import { logFailure } from '#workers/edge/log.ts'
import { checkRoutes } from './check-routes.ts'
import { type QualityEnv, readPlatform } from './env.ts'

/** Watches over the routes to models: its cron checks those of CLIProxyAPI. It is reached by no request. */
export default {
  fetch: () => new Response('Not found', { status: 404 }),
  async scheduled(controller, env) {
    try {
      const summary = await checkRoutes(readPlatform(env))
      const line = JSON.stringify(summary)
      // A key that does not work is ours to mend, and nobody else will tell us.
      if (summary.refusedCredentials.length > 0) console.error(line)
      else console.log(line)
    } catch (error) {
      logFailure('cron_failed', error, { cron: controller.cron })
      throw error
    }
  },
} satisfies ExportedHandler<QualityEnv>
