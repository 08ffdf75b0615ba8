import { connect } from 'node:net'
import { localHost } from './ports.ts'

/** A probe answers whether a part is ready now; it is asked again until it says yes or the time is up. */
export type Probe = () => Promise<boolean>

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
