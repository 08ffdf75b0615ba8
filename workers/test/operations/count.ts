/** What the platform bills, or what takes a service's time, in the order of the table. */
export interface Operations {
  proxyRequests: number
  consumerRuns: number
  /** Calls of objects, and alarms that rang. */
  objectRequests: number
  /** By SQL, and one for each alarm set. */
  rowsWritten: number
  queueMessages: number
  /** Written, read and deleted, each per 64 KB begun. */
  queueOperations: number
  postgresStatements: number
  postgresRoundTrips: number
  redisCommands: number
}

/** List prices in dollars per million; null for what is not billed by number. */
export const pricePerMillion: Record<keyof Operations, number | null> = {
  proxyRequests: 0.3,
  consumerRuns: 0.3,
  objectRequests: 0.15,
  rowsWritten: 1,
  queueMessages: null,
  queueOperations: 0.4,
  postgresStatements: null,
  postgresRoundTrips: null,
  redisCommands: 2,
}

export const none: Operations = {
  proxyRequests: 0,
  consumerRuns: 0,
  objectRequests: 0,
  rowsWritten: 0,
  queueMessages: 0,
  queueOperations: 0,
  postgresStatements: 0,
  postgresRoundTrips: 0,
  redisCommands: 0,
}

export const names = Object.keys(none) as (keyof Operations)[] // The keys of a record of counts are their names.

/** What was counted, and how often each method of an object was called. */
export interface Taken {
  counted: Operations
  calls: Record<string, number>
}

/** Counts since the last reading. SQL is counted late, because a cursor may write rows as it is read. */
export class Counter {
  #counted: Operations = { ...none }
  #calls: Record<string, number> = {}
  #cursors: Pick<SqlStorageCursor<never>, 'rowsWritten'>[] = []

  add(name: keyof Operations, count = 1): void {
    this.#counted[name] += count
  }

  addCall(method: string): void {
    this.add('objectRequests')
    this.#calls[method] = (this.#calls[method] ?? 0) + 1
  }

  addCursor(cursor: Pick<SqlStorageCursor<never>, 'rowsWritten'>): void {
    this.#cursors.push(cursor)
  }

  /** What was counted since it was last taken. */
  take(): Taken {
    const rowsWritten = this.#counted.rowsWritten + this.#cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0)
    const taken = { counted: { ...this.#counted, rowsWritten }, calls: this.#calls }
    this.#counted = { ...none }
    this.#calls = {}
    this.#cursors = []
    return taken
  }
}

/** What a million requests cost at list prices, when so many of them took these operations. */
export function dollarsPerMillion(counted: Operations, requests: number): number {
  return names.reduce((sum, name) => sum + ((pricePerMillion[name] ?? 0) * counted[name]) / requests, 0)
}

/** One line for each operation, one column for each measured case, per request. */
export function tableOf(cases: ReadonlyMap<string, { counted: Operations; requests: number }>): string {
  const head = ['per request', '$ / million', ...cases.keys()]
  const rows = names.map((name) => [
    name,
    String(pricePerMillion[name] ?? '-'),
    ...[...cases.values()].map(({ counted, requests }) => String(Number((counted[name] / requests).toFixed(4)))),
  ])
  const sums = [...cases.values()].map(({ counted, requests }) => dollarsPerMillion(counted, requests).toFixed(2))
  const lines = [head, ...rows, ['dollars per million', '', ...sums]]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}
