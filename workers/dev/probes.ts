import { connect } from 'node:net'
import { localHost } from './ports.ts'

/** A probe answers whether a part is ready now, and may read what it logged so far; it is asked again until it says yes or the time is up. */
export type Probe = (readOwnLog: () => string) => Promise<boolean>

/** Longest single attempt; a part that hangs is asked again. */
const attemptTimeoutMs = 2_000

export function acceptsConnections(port: number): Probe {
  return () =>
    new Promise((resolve) => {
      const socket = connect({ port, host: localHost, timeout: attemptTimeoutMs })
      const finish = (ready: boolean) => {
        socket.destroy()
        resolve(ready)
      }
      socket.once('connect', () => finish(true))
      socket.once('timeout', () => finish(false))
      socket.once('error', () => finish(false))
    })
}

/** Any HTTP status counts: the question is whether something answers, not what. */
export function answersHttp(url: string): Probe {
  return async () => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(attemptTimeoutMs), redirect: 'manual' })
      await response.body?.cancel()
      return true
    } catch {
      return false
    }
  }
}

/** For a part that serves no HTTP: it listens, and said so. */
export function listensAndLogged(port: number, sign: RegExp): Probe {
  const listens = acceptsConnections(port)
  return async (readOwnLog) => sign.test(readOwnLog()) && (await listens(readOwnLog))
}
