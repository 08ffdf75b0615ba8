import { createServer, type IncomingMessage } from 'node:http'
import { sendJson } from '#workers/dev/json-http.ts'
import type { ProcessName, Stack } from '#workers/dev/stack.ts'
import { listenAnywhere } from '#workers/dev/testing/throwaway.ts'

export type ControlServer = { url: string; close: () => Promise<void> }

/** Lets tests, which run in processes of their own, act on the stack's processes: `POST /<verb>/<process>`. */
export async function serveControl(stack: Stack): Promise<ControlServer> {
  const server = createServer((request, response) => {
    perform(stack, request).then(
      () => sendJson(response, 200, { done: true }),
      (error: unknown) => sendJson(response, 500, { error: String(error) }),
    )
  })
  const url = await listenAnywhere(server)
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url, close }
}

function perform(stack: Stack, { url = '' }: IncomingMessage): Promise<void> {
  const [, verb, name = ''] = url.split('/')
  const process = Object.keys(stack.logFiles).find((each): each is ProcessName => each === name)
  if (!process) return Promise.reject(new Error(`The stack has no process ${name}`))
  if (verb === 'kill') return stack.kill(process, 'SIGKILL')
  if (verb === 'halt') return stack.halt(process)
  if (verb === 'restart') return stack.restart(process)
  if (verb === 'ready') return stack.ready(process)
  return Promise.reject(new Error(`Unknown verb ${verb}`))
}
