import type { KmsCall } from './call-log.ts'
import type { Fault } from './faults.ts'
import type { KeyState } from './keys.ts'

export type KmsControl = {
  /** `keyId` in any form that KMS takes. */
  setKeyState(keyId: string, state: KeyState): Promise<void>
  /** Replaces the fault in force. With `count` it ends by itself after so many calls. */
  setFault(fault: Omit<Fault, 'delayMs'> & { delayMs?: number }): Promise<void>
  clearFault(): Promise<void>
  calls(): Promise<KmsCall[]>
  clearCalls(): Promise<void>
  /** All keys enabled, no fault, an empty log. */
  reset(): Promise<void>
}

/** Tells the scripted KMS at `url` what to do, and asks it what it was asked. */
export function controlKms(url: string): KmsControl {
  const send = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${url}${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  const change = async (...request: Parameters<typeof send>): Promise<void> => void (await send(...request))
  return {
    setKeyState: (keyId, state) => change('POST', '/control/key', { keyId, state }),
    setFault: (fault) => change('POST', '/control/fault', fault),
    clearFault: () => change('DELETE', '/control/fault'),
    calls: async () => {
      // The peer writes this answer itself, from the same type.
      const { calls } = (await (await send('GET', '/control/calls')).json()) as { calls: KmsCall[] }
      return calls
    },
    clearCalls: () => change('DELETE', '/control/calls'),
    reset: () => change('DELETE', '/control'),
  }
}
