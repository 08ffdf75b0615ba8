import type { IncomingHttpHeaders } from 'node:http'

export type Statement = { query: string; params: (string | null)[] }
export type RowShape = { rawText: boolean; arrays: boolean }
export type BatchOptions = { isolationLevel: string; readOnly: boolean; deferrable: boolean }

const isolationLevels: Record<string, string> = {
  ReadUncommitted: 'read uncommitted',
  ReadCommitted: 'read committed',
  RepeatableRead: 'repeatable read',
  Serializable: 'serializable',
}

/** One statement or a batch; `undefined` for anything else. */
export function parseRequest(body: unknown): Statement | { queries: Statement[] } | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  if (!('queries' in body)) return parseStatement(body)
  if (!Array.isArray(body.queries)) return undefined
  const queries = body.queries.map(parseStatement)
  return queries.every((query) => query !== undefined) ? { queries } : undefined
}

export function readRowShape(headers: IncomingHttpHeaders): RowShape {
  return { rawText: headers['neon-raw-text-output'] === 'true', arrays: headers['neon-array-mode'] === 'true' }
}

export function readBatchOptions(headers: IncomingHttpHeaders): BatchOptions {
  return {
    isolationLevel: isolationLevels[String(headers['neon-batch-isolation-level'])] ?? 'read committed',
    readOnly: headers['neon-batch-read-only'] === 'true',
    deferrable: headers['neon-batch-deferrable'] === 'true',
  }
}

function parseStatement(value: unknown): Statement | undefined {
  if (typeof value !== 'object' || value === null || !('query' in value) || typeof value.query !== 'string') return undefined
  const params = 'params' in value ? value.params : []
  if (!Array.isArray(params)) return undefined
  return { query: value.query, params: params.map(encodeParameter) }
}

/** Postgres takes every parameter as text and reads it as the type the statement asks for. */
function encodeParameter(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
