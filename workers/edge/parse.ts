import type { MiddlewareHandler } from 'hono'
import type { z } from 'zod'
import { readBoundedBody } from './bounded-body.ts'
import { type FieldProblem, Problem } from './problem.ts'

/**
 * Reads a JSON body of at most `maxBytes` and parses it with its contract into `c.var.body`. The content type is required because a
 * form post needs no CORS preflight, and would let another site act for a person whose browser is signed in.
 */
export function body<Schema extends z.ZodType>(
  schema: Schema,
  maxBytes: number,
): MiddlewareHandler<{ Variables: { body: z.output<Schema> } }> {
  return async (c, next) => {
    c.set('body', await parseBody(schema, c.req.raw, maxBytes))
    await next()
  }
}

/** As `body`, for who has a request and no middleware. */
export async function parseBody<Schema extends z.ZodType>(schema: Schema, request: Request, maxBytes: number): Promise<z.output<Schema>> {
  const mediaType = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') throw new Problem('not_json', 'Send the header Content-Type: application/json.')
  return parsed(schema, jsonOf(await boundedBody(request, maxBytes)), bodyField)
}

/** Parses the query into `c.var.query`. A parameter given twice is refused, because which one counts would be a guess. */
export function query<Schema extends z.ZodType>(schema: Schema): MiddlewareHandler<{ Variables: { query: z.output<Schema> } }> {
  return async (c, next) => {
    c.set('query', parseQuery(schema, c.req.queries()))
    await next()
  }
}

/** As `query`, for who has the parameters of a query with all their values. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, parameters: Record<string, string[]>): z.output<Schema> {
  const once = Object.entries(parameters).map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  return parsed(schema, Object.fromEntries(once), parameterField)
}

/** What a path's parameters are read from: hono's context, whatever else it carries. */
export interface Addressed {
  req: { param(name: string): string | undefined }
}

/** Parses one parameter of the path. What has not the form of an id cannot exist, so the answer is 404 and not 400. */
export function pathId(c: Addressed, name: string, schema: z.ZodType<string>): string {
  const id = schema.safeParse(c.req.param(name))
  if (!id.success) throw new Problem('not_found', 'The path names nothing that exists.')
  return id.data
}

async function boundedBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readBoundedBody(request, maxBytes)
  if (!bytes) throw new Problem('body_too_large', `The body may have at most ${maxBytes} bytes.`)
  return bytes
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
  } catch {
    throw new Problem('invalid_request', 'The body is not JSON in UTF-8.')
  }
}

type FieldOf = (path: PropertyKey[], detail: string) => FieldProblem

const bodyField: FieldOf = (path, detail) => ({ pointer: pointerOf(path), detail })
const parameterField: FieldOf = (path, detail) => ({ parameter: path.map(String).join('.'), detail })

function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown, fieldOf: FieldOf): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const fields = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => fieldOf([...issue.path, key], 'is not a field of this request'))
      : [fieldOf(issue.path, issue.message)],
  )
  const named = fields.map((field) => `${field.pointer ?? field.parameter}: ${field.detail}`)
  throw new Problem('invalid_request', named.slice(0, 5).join('; '), fields.slice(0, 50))
}

function pointerOf(path: PropertyKey[]): string {
  return `#${path.map((step) => `/${encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`
}
