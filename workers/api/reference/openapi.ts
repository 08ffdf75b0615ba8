import { z } from 'zod'
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiParameters, type ZodOpenApiResponseObject } from 'zod-openapi'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { parameterNames } from '#shared/contracts/api/operation.ts'
import { assert } from '#shared/values/assert.ts'
import { parameterOf } from '../endpoint.ts'
import { requestHeaders, responseHeaders } from './headers.ts'
import { problemResponses } from './problem-responses.ts'
import { webhookDescriptions } from './webhooks.ts'

/** The description of all operations (OpenAPI 3.1), made from the operations themselves. */
export function openApiDocument(operations: readonly ApiOperation[]) {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(operation) }
  }
  const tags = [...new Set(operations.map(tagOf))].sort()
  return createDocument({
    openapi: '3.1.1',
    info: { title: 'Rocket Relay', version: '1', description: introduction },
    servers: [{ url: '/' }],
    tags: tags.map((name) => ({ name })),
    paths,
    webhooks: webhookDescriptions(),
    components: {
      securitySchemes: {
        cookie: { type: 'apiKey', in: 'cookie', name: '__Host-relay_access', description: 'Of a person who has signed in.' },
        managementKey: { type: 'http', scheme: 'bearer', description: 'Of a script: a management key of the organization.' },
      },
    },
  })
}

const introduction = `
Errors are problems (RFC 9457): \`code\` is for programs. Lists are taken page by page: \`next\` of one is the \`cursor\` of the following, null on the last.
Bodies are JSON in UTF-8, and a field that an operation does not know is refused. Amounts of money are whole nano-dollars (1,000,000,000 are one dollar).
Another organization's things are answered like things that do not exist (404).
`.trim()

function described(operation: ApiOperation): ZodOpenApiOperationObject {
  const { id, summary, description, access, body } = operation
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    tags: [tagOf(operation)],
    security: securityOf(operation),
    ...(access !== 'public' && access !== 'person' && { 'x-permission': access }),
    requestParams: requestParamsOf(operation),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { [String(statusOf(operation))]: success(operation), ...problemResponses(operation) },
  }
}

/** `organizations.read` is of organizations. */
function tagOf({ id }: ApiOperation): string {
  return id.slice(0, id.indexOf('.')).replaceAll('_', ' ')
}

function securityOf({ access, peopleOnly, fresh }: ApiOperation): Record<string, string[]>[] {
  if (access === 'public') return []
  return access === 'person' || peopleOnly || fresh ? [{ cookie: [] }] : [{ cookie: [] }, { managementKey: [] }]
}

function requestParamsOf(operation: ApiOperation): ZodOpenApiParameters {
  const names = parameterNames(operation.path)
  const header = requestHeaders(operation)
  return {
    ...(names.length > 0 && { path: z.object(Object.fromEntries(names.map((name) => [name, parameterOf(name)]))) }),
    ...(operation.query && { query: objectOf(operation.query) }),
    ...(header && { header }),
  }
}

/** A query is told name by name, so that its contract is an object. */
function objectOf(query: z.ZodType): z.ZodObject {
  assert(query instanceof z.ZodObject, 'the contract of a query is an object')
  return query
}

function statusOf({ status, answer, media }: ApiOperation): number {
  return status ?? (answer || media ? 200 : 204)
}

function success(operation: ApiOperation): ZodOpenApiResponseObject {
  const { answer, media } = operation
  const headers = responseHeaders(operation)
  return {
    description: 'It succeeded.',
    ...(headers && { headers }),
    ...(media && { content: { [media]: { schema: { type: media === 'application/json' ? 'object' : 'string' } } } }),
    ...(answer && !media && { content: { 'application/json': { schema: answer } } }),
  }
}
