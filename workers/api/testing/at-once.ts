import { vi } from 'vitest'
import type { Answer, Stage } from './stage.ts'

/**
 * Makes requests while somebody else holds a row, and lets go once all of them wait for it: each has passed the guard by then, and what the first of them
 * changes is news to the others.
 */
export async function atOnce(
  { database: { pool } }: Stage,
  held: { table: 'organizations' | 'users'; id: string },
  requests: (() => Promise<Answer>)[],
): Promise<Answer[]> {
  const holder = await pool.connect()
  try {
    await holder.query('begin')
    await holder.query(`select from ${held.table} where id = $1 for update`, [held.id])
    const answers = requests.map((request) => request())
    await vi.waitFor(async () => {
      const { rows } = await pool.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'`)
      if (rows.length < requests.length) throw new Error('not all wait yet')
    }, 5_000)
    await holder.query('commit')
    return await Promise.all(answers)
  } finally {
    // Closes the connection, so that a test that fails here holds up no other.
    holder.release(true)
  }
}
