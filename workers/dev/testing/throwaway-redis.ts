import { join } from 'node:path'
import { localHost } from '../ports.ts'
import { checkoutDirectory } from '../processes/environment.ts'
import { findRedis } from '../redis/binary.ts'
import { planRedis } from '../redis/server.ts'
import { findFreePort, startThrowaway, type Throwaway } from './throwaway.ts'

/** A real Redis in a folder of its own; the caller ends it. */
export async function startThrowawayRedis(): Promise<Throwaway> {
  const port = await findFreePort()
  const binary = await findRedis(join(checkoutDirectory, '.local', 'redis-bin'), () => undefined)
  return startThrowaway(port, `redis://${localHost}:${port}`, async (directory) => planRedis(directory, port, binary))
}
