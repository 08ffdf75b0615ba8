import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { localHost } from '../ports.ts'
import type { Probe } from '../probes.ts'
import { inheritedEnvironment } from '../processes/environment.ts'
import type { ProcessPlan } from '../processes/supervised.ts'
import type { RedisBinary } from './binary.ts'

export function planRedis(directory: string, port: number, binary: RedisBinary): ProcessPlan {
  const dataDirectory = join(directory, 'redis')
  mkdirSync(dataDirectory, { recursive: true })
  const settings = { port, bind: localHost, dir: dataDirectory, appendonly: 'yes', save: '', 'set-proc-title': 'no' }
  return {
    name: 'redis',
    command: binary.command,
    parameters: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    environment: inheritedEnvironment(binary.environment),
    workingDirectory: dataDirectory,
    directory,
    probe: answersPing(port),
    readyTimeoutMs: 20_000,
    stopSignal: 'SIGTERM',
  }
}

/** Redis accepts connections while it still loads its data, so only an answered PING counts. */
function answersPing(port: number): Probe {
  return async () => {
    const redis = new Redis({ host: localHost, port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
    redis.on('error', () => undefined) // The rejected PING tells it as well.
    try {
      await redis.connect()
      return (await redis.ping()) === 'PONG'
    } catch {
      return false
    } finally {
      redis.disconnect()
    }
  }
}
