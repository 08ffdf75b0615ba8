import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenAnywhere } from '../testing/throwaway.ts'
import { createInbox } from './inbox.ts'

const inbox = createInbox()
let url = ''
beforeAll(async () => {
  url = await listenAnywhere(inbox)
})
afterAll(() => {
  inbox.closeAllConnections()
  inbox.close()
})

const post = (path: string, body = '{}') =>
  fetch(url + path, { method: 'POST', body, headers: { 'webhook-id': 'evt_1' }, signal: AbortSignal.timeout(500) })

test('what is posted is kept as it came, by its name, and shown without becoming part of the page', async () => {
  expect((await post('/hooks/one', '{"a":"<script>"}')).status).toBe(204)
  await post('/hooks/other')
  const told = await (await fetch(`${url}/api/received/one`)).json()
  expect(told).toMatchObject({ received: [{ name: 'one', body: '{"a":"<script>"}', status: 204, headers: { 'webhook-id': 'evt_1' } }] })
  const page = await (await fetch(url)).text()
  expect(page).toContain('webhook-id: evt_1')
  expect(page).not.toContain('<script>')
})

test('an endpoint can be made to fail, or to hang', async () => {
  expect((await post('/hooks/one?answer=503')).status).toBe(503)
  await expect(post('/hooks/one?answer=never')).rejects.toThrow(/timeout/i)
})
