/** Where a test in workerd finds Postgres; `workers/test/database.ts` tells it. */
export interface ProvidedDatabase {
  databaseUrl: string
  neonEndpoint: string
}

declare module 'vitest' {
  interface ProvidedContext {
    database: ProvidedDatabase
  }
}
