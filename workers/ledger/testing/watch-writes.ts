/** Tells of every SQL statement and every alarm set from now on: the platform bills the rows a statement wrote, and one for an alarm. */
export function watchWrites(
  storage: DurableObjectStorage,
  onSql: (cursor: SqlStorageCursor<Record<string, SqlStorageValue>>) => void,
  onAlarm: () => void,
): void {
  const { sql } = storage
  const exec = sql.exec.bind(sql)
  const setAlarm = storage.setAlarm.bind(storage)
  Object.defineProperty(sql, 'exec', {
    value: (query: string, ...given: unknown[]) => {
      const cursor = exec(query, ...given)
      onSql(cursor)
      return cursor
    },
  })
  Object.defineProperty(storage, 'setAlarm', {
    value: async (atMs: number) => {
      onAlarm()
      await setAlarm(atMs)
    },
  })
}
