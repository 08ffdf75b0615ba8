import { expect, inject } from 'vitest'
import { portOffsets } from '#workers/dev/ports.ts'

/** Lets a cron of a Worker ring as the platform would. */
export async function ring(cron: string, worker: 'api' | 'webhooks' = 'api'): Promise<void> {
  const url = new URL('/cdn-cgi/handler/scheduled', inject('stack').apiUrl)
  url.port = String(Number(url.port) - portOffsets.api + portOffsets[worker])
  url.searchParams.set('cron', cron)
  const answer = await fetch(url)
  expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
}
