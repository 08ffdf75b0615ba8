import type { SQL } from 'drizzle-orm'
import { z } from 'zod'
import { timeOfId } from '#shared/values/id.ts'
import { requestStatement } from '../queries/read-request.ts'
import { type LogSearch, searchStatement } from '../queries/usage/list-requests.ts'
import { type UsageQuestion, usageStatement } from '../queries/usage/read-usage.ts'
import type { UsageHistory } from './usage-history.ts'

export interface ReportQuestion {
  name: string
  statement: SQL
  /** Most rows that answering it may read from a table, in a history of any size. */
  mostRows: number
}

const dayMs = 86_400_000

/** Every kind of question that reports and the request log ask, as the large customer of a history would; `mostRead` as in LogSearch. */
export function reportQuestions(history: UsageHistory, mostRead: number): ReportQuestion[] {
  return [...usageQuestions(history), ...logQuestions(history, mostRead), requestQuestion(history)]
}

function usageQuestions({ organizationId, keyIds, toMs }: UsageHistory): ReportQuestion[] {
  const ask = (name: string, days: number, asked: Partial<UsageQuestion> & Pick<UsageQuestion, 'granularity'>): ReportQuestion => {
    const usual = { organizationId, fromMs: toMs - days * dayMs, toMs, groupBy: 'none', keyIds: null, model: null, limit: 10_001 } as const
    const sums = days * (asked.granularity === 'hour' ? 24 : 1)
    // Each of 20 keys with each of 8 models, and two rare ones beside. Of a table in which one customer has a large part Postgres reads the others' too.
    return { name, statement: usageStatement({ ...usual, ...asked }), mostRows: (sums * 165 + 100) * 5 }
  }
  return [
    ask('a day by hours', 1, { granularity: 'hour' }),
    ask('31 days by hours', 31, { granularity: 'hour' }),
    ask('31 days by hours and model', 31, { granularity: 'hour', groupBy: 'model' }),
    ask('31 days by days and member', 31, { granularity: 'day', groupBy: 'member' }),
    ask('a year by days', 366, { granularity: 'day' }),
    ask('a year by months and key', 366, { granularity: 'month', groupBy: 'key' }),
    ask('a year in total by kind', 366, { granularity: 'total', groupBy: 'kind' }),
    ask('a year by days of two keys', 366, { granularity: 'day', keyIds: keyIds.slice(5, 7) }),
    ask('a year by months of a model', 366, { granularity: 'month', model: 'model-7' }),
  ]
}

function logQuestions({ organizationId, keyIds, rareKeyId, fromMs, toMs }: UsageHistory, mostRead: number): ReportQuestion[] {
  const middleMs = (fromMs + toMs) / 2
  const ask = (name: string, mostRows: number, asked: Partial<LogSearch>): ReportQuestion => {
    const usual = { organizationId, fromMs: null, toMs: null, keyIds: null, after: null, limit: 50, mostRead }
    return { name: `log: ${name}`, statement: searchStatement({ ...usual, ...asked }), mostRows }
  }
  return [
    ask('first page', 52, {}),
    ask('a page from the middle', 60, { after: { createdAtMs: middleMs, requestId: 'req_z' } }),
    ask('a day', 52, { fromMs: middleMs, toMs: middleMs + dayMs }),
    ask('a key', 60, { keyIds: keyIds.slice(3, 4) }),
    ask('a key of few requests', 60, { keyIds: [rareKeyId] }),
    ask('all keys of a member', 60 * 12, { keyIds: keyIds.slice(8) }),
    ask('a model', 60, { model: 'model-3' }),
    ask('a model of few requests', 60, { model: 'rare-model' }),
    ask('a model that is none', 60, { model: 'never-called' }),
    ask('errors', mostRead + 1, { status: { least: 500, most: 599 } }),
    ask('errors of a key', mostRead + 20, { status: { least: 500, most: 599 }, keyIds: keyIds.slice(3, 4) }),
    ask('a status of few requests', mostRead + 1, { status: { least: 418, most: 418 } }),
    ask('a key and a model that never met', mostRead + 1, { keyIds: keyIds.slice(0, 1), model: 'rare-model' }),
    ask('a page for a CSV', mostRead + 2, { limit: mostRead }),
  ]
}

function requestQuestion({ organizationId, keyIds, requestId }: UsageHistory): ReportQuestion {
  const madeAtMs = timeOfId('req', requestId) ?? 0
  return { name: 'one request', statement: requestStatement({ organizationId, keyIds, requestId, madeAtMs }), mostRows: 2 }
}

const Node = z.looseObject({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Actual Rows': z.number(),
  'Actual Loops': z.number(),
  'Rows Removed by Filter': z.number().optional(),
  'Rows Removed by Index Recheck': z.number().optional(),
  'Shared Hit Blocks': z.number().optional(),
  'Shared Read Blocks': z.number().optional(),
  get Plans() {
    return z.array(Node).optional()
  },
})
type Node = z.infer<typeof Node>

/** What `explain (analyze, buffers, format json)` answers. */
export const Explained = z.object({
  'QUERY PLAN': z.tuple([z.object({ Plan: Node, 'Execution Time': z.number(), 'Planning Time': z.number() })]),
})

export interface PlanShape {
  milliseconds: number
  /** How rows were reached, such as `Index Scan request_logs_pkey`; months and parts are left out of names. */
  scans: string[]
  /** Parts of partitioned tables that were looked into. */
  partitions: number
  /** Rows that scans have read, those they threw away included. */
  rows: number
  /** Pages of 8 KB, from memory or disk. */
  pages: number
}

/** What an executed plan tells of its cost. */
export function planShape({ 'QUERY PLAN': [{ Plan, ...times }] }: z.infer<typeof Explained>): PlanShape {
  const scans = nodesOf(Plan).filter((node) => node['Relation Name'] !== undefined && node['Actual Loops'] > 0)
  const partitioned = scans.flatMap((node) => (/_\d{4}_\d\d$/.test(node['Relation Name'] ?? '') ? (node['Relation Name'] ?? []) : []))
  const rowsOf = (node: Node) =>
    node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0))
  return {
    milliseconds: times['Execution Time'] + times['Planning Time'],
    scans: [...new Set(scans.filter((node) => rowsOf(node) > 0).map(scanName))].toSorted(),
    partitions: new Set(partitioned).size,
    rows: scans.reduce((sum, node) => sum + rowsOf(node), 0),
    pages: (Plan['Shared Hit Blocks'] ?? 0) + (Plan['Shared Read Blocks'] ?? 0),
  }
}

function nodesOf(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/** An index of a partition is called by its table, month and columns, and is so named. */
function scanName(node: Node): string {
  return `${node['Node Type']} ${(node['Index Name'] ?? node['Relation Name'] ?? '').replace(/_\d{4}_\d\d|_part_\d+/, '')}`
}
