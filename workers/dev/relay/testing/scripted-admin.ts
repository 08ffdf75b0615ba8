import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { readJson, sendJson } from '../../json-http.ts'
import { listenAnywhere } from '../../testing/throwaway.ts'
import { runRelay } from '../run.ts'

export interface ScriptedAdmin {
  /** What the command has sent in this test; `path` begins with the method. */
  sent: { path: string; body: unknown }[]
  /** What it is answered, in this order; then nothing but 500. */
  answers: { status: number; content: unknown }[]
  /** A folder for the files of the tests. */
  folder: string
  /** Runs the operator's command with this on its standard input. */
  relay(parameters: string[], input?: string): Promise<{ code: number; out: string; err: string }>
}

/** An admin Worker that answers what a test says, for the tests of one file; each begins with nothing sent and nothing to answer. */
export function scriptedAdmin(): ScriptedAdmin {
  const folder = mkdtempSync(join(tmpdir(), 'relay-command-'))
  const stackFile = join(folder, 'stack.json')
  const admin: ScriptedAdmin = { sent: [], answers: [], folder, relay: (parameters, input = '') => run(stackFile, parameters, input) }
  const server = createServer(async (request, response) => {
    admin.sent.push({ path: `${request.method} ${request.url}`, body: await readJson(request) })
    const { status, content } = admin.answers.shift() ?? { status: 500, content: {} }
    sendJson(response, status, content)
  })
  beforeAll(async () => {
    const access = { clientId: 'id.access', clientSecret: 'hush' }
    writeFileSync(stackFile, JSON.stringify({ adminUrl: await listenAnywhere(server), access }))
  })
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => Object.assign(admin, { sent: [], answers: [] }))
  return admin
}

/** An answer that goes well. */
export function ok(content: unknown): ScriptedAdmin['answers'][number] {
  return { status: 200, content }
}

async function run(stackFile: string, parameters: string[], input: string) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runRelay(parameters, {
    env: { RELAY_STACK: stackFile },
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    readInput: async () => input,
  })
  return { code, out: out.join(''), err: err.join('') }
}
