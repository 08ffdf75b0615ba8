import { z } from 'zod'
import type { ZodOpenApiOperationObject } from 'zod-openapi'
import { CustomerEvent, eventVersion } from '#shared/contracts/events/customer-event.ts'
import { exampleData } from '#shared/contracts/events/examples.ts'
import type { CustomerEventType } from '#shared/contracts/events/types.ts'

/** What is sent to webhook endpoints, by the type of the event. */
export function webhookDescriptions(): Record<string, { post: ZodOpenApiOperationObject }> {
  return Object.fromEntries(
    CustomerEvent.options.map((schema) => [schema.shape.type.value, { post: sent(schema.shape.type.value, schema) }]),
  )
}

function sent(type: CustomerEventType, schema: z.ZodObject): ZodOpenApiOperationObject {
  return {
    operationId: `webhook.${type}`,
    summary: summaries[type],
    description,
    tags: ['webhooks'],
    security: [],
    requestParams: { header: headers },
    requestBody: { required: true, content: { 'application/json': { schema, example: exampleOf(type) } } },
    responses: {
      '2XX': { description: 'The event has arrived. The body is not read beyond its first bytes, which are shown with the delivery.' },
      '410': { description: 'The endpoint is gone: it is paused, and its deliveries have failed.' },
      default: {
        description: 'It is tried again; after 429 and 503 not before the time that `Retry-After` names. A redirect is not followed.',
      },
    },
  }
}

const summaries: Record<CustomerEventType, string> = {
  'balance.low': 'The balance fell below what the organization chose',
  'balance.exhausted': 'The balance fell below what hardly any request fits',
  'topup.succeeded': 'A top-up was credited',
  'topup.failed': 'A top-up failed',
  'refund.created': 'Money of a top-up went back, by a refund or a dispute',
  'invoice.ready': 'The invoice of a top-up can be fetched',
  'key.created': 'An API key was created',
  'key.revoked': 'An API key was revoked',
  'key.limit_reached': 'An API key has spent what it may',
  'usage.daily_summary': 'What was used in a UTC day that is over',
  'member.added': 'Somebody became a member of the organization',
  'member.removed': 'Somebody is no longer a member of the organization',
  'byok.invalid': 'A provider has refused a key of the organization several times in a row, so that it is used no more',
  'route.quality_changed': 'A route that serves a model went down or came back',
  'webhook.test': 'Somebody asked for a test of the endpoint',
}

const description = `
Signed as Standard Webhooks 1.0 says, so that its libraries verify it. Answer 2xx within 15 seconds, and do the work afterwards. Anything else is tried again
after 5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14, 20 and 24 hours, each a little varied; then the delivery has failed and can be replayed. An endpoint whose
attempts have all failed for days is paused, and its organization is told by mail.

An event may come more than once, always with the same \`webhook-id\`, and not always in order. Fields may be added to the payload of a version; amounts are in
nano-dollars.
`.trim()

const headers = z.object({
  'webhook-id': z
    .string()
    .meta({ description: 'Id of the event, the same in every delivery of it: what was seen already can be left out.' }),
  'webhook-timestamp': z
    .string()
    .regex(/^\d+$/)
    .meta({ description: 'When this attempt was made, in seconds since 1970. Refuse one of more than five minutes ago.' }),
  'webhook-signature': z.string().meta({
    description:
      '`v1,` and the base64 of an HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, by the bytes that are base64 behind `whsec_` in the secret. Two of them with a blank between while a secret is being rotated: one has to fit.',
  }),
})

function exampleOf<Type extends CustomerEventType>(type: Type) {
  const of = { organizationId: 'org_01jd7m3v9c4t8k2n5q6r7s8w9x', createdAt: '2026-01-31T09:30:00.000Z' }
  return { id: 'evt_0f8fad5bd9cb469fa16570867728950e', type, version: eventVersion, ...of, data: exampleData[type] }
}
