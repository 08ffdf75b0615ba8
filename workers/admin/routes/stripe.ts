import { Hono } from 'hono'
import { z } from 'zod'
import { listFindings, type PaymentFindingRow } from '#db/queries/payments/findings.ts'
import { listStripeEvents } from '#db/queries/payments/stripe-events.ts'
import {
  FindingQuery,
  FindingResolution,
  PaymentFinding,
  PaymentFindingList,
  StripeEventList,
  StripeEventQuery,
} from '#shared/contracts/payment-finding.ts'
import { NewStripeSettings, StripeSettingsAnswer, StripeTest } from '#shared/contracts/stripe-settings.ts'
import { body, pathId, query } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { pageFrom, readCursor } from '#workers/services/cursor.ts'
import { showStripeSettings } from '#workers/services/payments/read-stripe-settings.ts'
import { resolveFinding } from '#workers/services/payments/resolve-finding.ts'
import { type SetStripeSettingsOutcome, setStripeSettings } from '#workers/services/payments/set-stripe-settings.ts'
import { testStripe } from '#workers/services/payments/test-stripe.ts'
import type { AdminContext } from '../env.ts'
import { eventsPerPage, maxBodyBytes } from '../limits.ts'
import { found, platformOf } from '../platform.ts'

/** How the platform takes payments, and what about them waits for a person. No answer ever holds a key. */
export const stripeRoutes = new Hono<AdminContext>()
  .get('/', async (c) => c.json(StripeSettingsAnswer.parse(await showStripeSettings(c.var.surroundings.db))))
  .put('/', body(NewStripeSettings, maxBodyBytes), async (c) => {
    const { keyRing } = c.var.surroundings
    const outcome = await setStripeSettings({ ...platformOf(c), keyRing }, c.var.body)
    if (outcome.outcome === 'refused') throw problemOf(outcome)
    return c.json(StripeSettingsAnswer.parse(outcome.answer))
  })
  .post('/test', async (c) => c.json(StripeTest.parse(found(await testStripe(c.var.surroundings), 'Stripe: it is not set up'))))
  .get('/findings', query(FindingQuery), async (c) => {
    const { before, all } = c.var.query
    const page = { onlyOpen: all === 'false', ...(before !== undefined && { beforeId: before }), limit: eventsPerPage }
    const rows = await listFindings(c.var.surroundings.db, page)
    const next = rows.length === eventsPerPage ? (rows.at(-1)?.id ?? null) : null
    return c.json(PaymentFindingList.parse({ findings: rows.map(findingOf), next }))
  })
  .post('/findings/:id/resolve', body(FindingResolution, maxBodyBytes), async (c) => {
    const outcome = await resolveFinding(platformOf(c), Number(pathId(c, 'id', FindingId)), c.var.body.note)
    if (outcome.outcome === 'resolved') return c.json(PaymentFinding.parse(findingOf(outcome.finding)))
    if (outcome.reason === 'unknown') throw new Problem('not_found', 'There is no such finding.')
    throw new Problem('conflict', 'Somebody has decided about this finding already.')
  })
  .get('/events', query(StripeEventQuery), async (c) => {
    const { status, cursor } = c.var.query
    const list = `stripe events ${status ?? ''}`
    const [receivedMs = '', id = ''] = readCursor(list, cursor, EventPlace)?.split(' ') ?? []
    const before = id === '' ? null : { receivedAt: new Date(Number(receivedMs)), id }
    const rows = await listStripeEvents(c.var.surroundings.db, { status, before, limit: eventsPerPage + 1 })
    const { data, next } = pageFrom({ rows, limit: eventsPerPage, list }, (row) => `${row.receivedAt.getTime()} ${row.id}`)
    const events = data.map((row) => ({ ...row, createdAt: row.createdAt.toISOString(), receivedAt: row.receivedAt.toISOString() }))
    return c.json(StripeEventList.parse({ events, next }))
  })

const FindingId = z.string().regex(/^[1-9]\d{0,14}$/)

/** When an event came, in milliseconds, and its id. */
const EventPlace = z.string().regex(/^\d{1,14} evt_\w{1,250}$/)

function findingOf({ foundAt, resolvedAt, ...row }: PaymentFindingRow): PaymentFinding {
  return { ...row, foundAt: foundAt.toISOString(), resolvedAt: resolvedAt?.toISOString() ?? null }
}

function problemOf({ reason }: Extract<SetStripeSettingsOutcome, { outcome: 'refused' }>): Problem {
  switch (reason) {
    case 'overtaken':
      return new Problem('conflict', 'The settings were changed by somebody else in between; nothing was changed. Look, and try again.')
    case 'secret_key_required':
      return new Problem('invalid_request', 'No secret key is stored. Give one.', [{ pointer: '#/secretKey', detail: 'is needed' }])
    case 'webhook_secret_required':
      return new Problem('invalid_request', 'No signing secret of this mode is stored. Give that of the webhook endpoint.', [
        { pointer: '#/webhookSecret', detail: 'is needed the first time, and with a key of another mode' },
      ])
  }
}
