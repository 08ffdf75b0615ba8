import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { readJson, sendJson } from '../json-http.ts'
import type { CallLog } from './call-log.ts'
import { Fault, type Faults } from './faults.ts'
import { type Keys, keyStates } from './keys.ts'
import { KmsRefusal } from './refusal.ts'

const KeyChange = z.strictObject({ keyId: z.string(), state: z.enum(keyStates) })

export type Controlled = { keys: Keys; faults: Faults; calls: CallLog }

/** Serves tests on `/control/`: states of keys, faults and the log of calls. README.md lists the paths. */
export async function answerControl(
  request: IncomingMessage,
  response: ServerResponse,
  { keys, faults, calls }: Controlled,
): Promise<void> {
  const body = await readJson(request)
  const change: Record<string, () => void> = {
    'POST /control/key': () => {
      const { keyId, state } = KeyChange.parse(body)
      keys.setState(keyId, state)
    },
    'POST /control/fault': () => faults.set(Fault.parse(body)),
    'DELETE /control/fault': () => faults.clear(),
    'DELETE /control/calls': () => calls.clear(),
    'DELETE /control': () => {
      keys.enableAll()
      faults.clear()
      calls.clear()
    },
  }
  const operation = `${request.method} ${request.url}`
  if (operation === 'GET /control/calls') return sendJson(response, 200, { calls: calls.list() })
  const apply = change[operation]
  if (!apply) return sendJson(response, 404, { error: `No such operation: ${operation}` })
  try {
    apply()
    response.writeHead(204).end()
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof KmsRefusal)) throw error
    sendJson(response, 400, { error: error.message })
  }
}
