import { Hono } from 'hono'
import { Problem } from '#workers/edge/problem.ts'
import { requestId } from '#workers/edge/request-id.ts'
import { securityHeaders } from '#workers/edge/security-headers.ts'
import { access } from './access.ts'
import { adminLog } from './admin-log.ts'
import { type AdminContext, surroundingsOf } from './env.ts'
import { renderError } from './errors.ts'
import { auditRoutes } from './routes/audit.ts'
import { catalogueRoutes } from './routes/catalogue.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { creditRoutes } from './routes/credits.ts'
import { customerRoutes } from './routes/customers.ts'
import { eventRoutes } from './routes/events.ts'
import { keyRoutes } from './routes/keys.ts'
import { mailRoutes } from './routes/mail.ts'
import { modelRoutes } from './routes/models.ts'
import { parkedEventRoutes } from './routes/parked-events.ts'
import { promotionCodeRoutes, promotionRoutes } from './routes/promotions.ts'
import { reconciliationRoutes } from './routes/reconciliations.ts'
import { routeRoutes } from './routes/routes.ts'
import { secretRoutes } from './routes/secrets.ts'
import { stripeRoutes } from './routes/stripe.ts'
import { usageRoutes } from './routes/usage.ts'

/** Platform administration. Nothing is answered, not even what exists, before Cloudflare Access vouched for the caller. */
export const adminApp = new Hono<AdminContext>()
  .use(requestId(), securityHeaders(), async (c, next) => {
    c.set('surroundings', surroundingsOf(c.env))
    await next()
  })
  .use(access(), adminLog())
  .route('/audit', auditRoutes)
  .route('/catalogue', catalogueRoutes)
  .route('/customers', customerRoutes)
  .route('/customers/:organizationId/credits', creditRoutes)
  .route('/customers/:organizationId/events', eventRoutes)
  .route('/customers/:organizationId/keys', keyRoutes)
  .route('/customers/:organizationId/promotions', promotionRoutes)
  .route('/customers/:organizationId/provider-credentials', credentialRoutes)
  .route('/customers/:organizationId/usage', usageRoutes)
  .route('/mail', mailRoutes)
  .route('/models', modelRoutes)
  .route('/parked-events', parkedEventRoutes)
  .route('/promotion-codes', promotionCodeRoutes)
  .route('/reconciliations', reconciliationRoutes)
  .route('/routes', routeRoutes)
  .route('/secrets', secretRoutes)
  .route('/stripe', stripeRoutes)
  .onError(renderError)
  .notFound((c) => renderError(new Problem('not_found', 'The path and method name nothing of this API.'), c))
