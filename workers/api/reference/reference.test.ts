import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { operations } from '#shared/contracts/api/index.ts'
import { type ApiOperation, operation } from '#shared/contracts/api/operation.ts'
import { allEndpoints, apiApp } from '../app.ts'
import type { ApiEnv } from '../env.ts'
import { openApiDocument } from './openapi.ts'

/** Nothing of it is reached: descriptions need no database. */
const env: ApiEnv = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  PORTAL_URL: 'https://portal.test',
  LEDGER: { getByName: () => Promise.reject(new Error('nothing is there')) as never },
  MAIL_QUEUE: { send: async () => undefined },
  PAYMENT_QUEUE: { send: async () => undefined },
  WEBHOOK_QUEUE: { send: async () => undefined },
}

const Described = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ operationId: z.string() }))),
})

async function document() {
  return Described.parse(await (await apiApp.request('/openapi.json', {}, env)).json())
}

test('the description is OpenAPI 3.1, and may be kept for a while', async () => {
  const answer = await apiApp.request('/openapi.json', {}, env)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300')
  const validator = new Validator()
  const { valid, errors } = await validator.validate(z.record(z.string(), z.unknown()).parse(await answer.json()))
  expect(errors ?? []).toEqual([])
  expect([valid, validator.version]).toEqual([true, '3.1'])
})

test('every route is described, and nothing is described that has no route', async () => {
  const routes = apiApp.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`)
  const { paths } = await document()
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  expect(described.sort()).toEqual(routes.sort())
  expect(new Set(routes).size).toBe(allEndpoints.length)
  const ids = allEndpoints.map(({ operation: { id } }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const gathered = Object.values(operations).flatMap((each) => Object.values<ApiOperation>(each).map(({ id }) => id))
  expect(gathered.sort()).toEqual(ids.sort())
})

describe('an operation is described', () => {
  const made = operation({
    id: 'things.create',
    method: 'POST',
    path: '/api/organizations/:organizationId/things',
    access: 'keys.create',
    summary: 'Makes a thing',
    body: z.strictObject({ name: z.string().max(10) }),
    answer: z.object({ thingId: z.string() }),
    status: 201,
    idempotent: 'answer',
    precondition: 'if_match',
    entityTag: true,
  })
  const read = operation({ id: 'things.read', method: 'GET', path: '/api/things', access: 'public', summary: 'Things', media: 'text/csv' })
  const { paths, components } = openApiDocument([made, read])
  const { post } = paths?.['/api/organizations/{organizationId}/things'] ?? {}
  const { get } = paths?.['/api/things'] ?? {}

  test('with its parameters, headers, body and answer', () => {
    const named = post?.parameters?.map((each) => ('name' in each ? `${each.in} ${each.name} ${each.required ?? false}` : 'ref'))
    expect(named).toEqual(['path organizationId true', 'header Idempotency-Key false', 'header If-Match true'])
    expect(post?.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { additionalProperties: false, required: ['name'] } } },
    })
    expect(post?.responses?.['201']).toMatchObject({
      headers: { ETag: {}, 'Idempotent-Replayed': {} },
      content: { 'application/json': {} },
    })
    expect(get?.responses?.['200']).toMatchObject({ content: { 'text/csv': { schema: { type: 'string' } } } })
  })

  test('with who may ask, and with the problems it can end with', () => {
    expect([post?.security, get?.security]).toEqual([[{ cookie: [] }, { managementKey: [] }], []])
    expect(post).toMatchObject({ 'x-permission': 'keys.create', tags: ['things'] })
    const problems = ['400', '401', '403', '404', '409', '412', '413', '415', '422', '428', '429', '500', '503']
    expect(Object.keys(post?.responses ?? {})).toEqual(['201', ...problems].sort())
    expect(Object.keys(get?.responses ?? {})).toEqual(['200', '500', '503'])
    expect(post?.responses?.['404']).toMatchObject({
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    })
    expect(components?.schemas?.Problem).toMatchObject({ properties: { code: { enum: expect.arrayContaining(['not_found']) } } })
  })
})

test('the page runs only what this Worker serves, and all of that is there', async () => {
  const answer = await apiApp.request('/reference', {}, env)
  const html = await answer.text()
  const policy = answer.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toMatch(/unsafe|https?:|\*/)
  expect(html).not.toMatch(/<script>|<style|style=|https?:\/\//)
  const files = [...html.matchAll(/(?:src|href)="(\/reference\/[^"]+)"/g)].map(([, path = '']) => path)
  expect(files).toHaveLength(4)
  for (const path of files) {
    const file = await apiApp.request(path, {}, env)
    expect([path, file.status, (await file.text()).length > 100]).toEqual([path, 200, true])
    expect(file.headers.get('content-type')).toBe(path.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8')
  }
  expect((await apiApp.request('/reference/secrets.js', {}, env)).status).toBe(404)
})
