import { randomUUID } from 'node:crypto'
import { expect, inject } from 'vitest'
import { z } from 'zod'

/** Where the portal of the stack will be; browsers send changes from there. */
export function portalOrigin(): string {
  const url = new URL(inject('stack').apiUrl)
  // The portal's port is two after the api Worker's, see workers/dev/ports.ts.
  return `http://localhost:${Number(url.port) + 2}`
}

export interface ApiAnswer {
  status: number
  headers: Headers
  json: unknown
  text: string
}

/** Somebody at a browser: keeps cookies as one would, and sends what a browser in the portal sends. */
export class Browser {
  readonly cookies = new Map<string, string>()

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(inject('stack').apiUrl + path, {
      method,
      redirect: 'manual',
      headers: {
        origin: portalOrigin(),
        ...(cookie && { cookie }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const text = await response.text()
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, json: isJson && text ? JSON.parse(text) : undefined, text }
  }

  /** As call, for what has to go well; its JSON is parsed. */
  async ask<Schema extends z.ZodType>(schema: Schema, method: string, path: string, body?: unknown): Promise<z.output<Schema>> {
    const answer = await this.call(method, path, body)
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
    return schema.parse(answer.json)
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const at = pair.indexOf('=')
    const isGone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))
    if (isGone) this.cookies.delete(pair.slice(0, at))
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

/** Somebody who has signed up, verified their address and signed in. */
export interface Person {
  browser: Browser
  email: string
}

const password = 'a kettle, two owls and 7 stairs'

/** Somebody new, signed in, by the ways that people go. */
export async function signedUp(name: string): Promise<Person> {
  const browser = new Browser()
  const email = `${name}-${randomUUID()}@example.com`
  expect((await browser.call('POST', '/api/auth/sign-up', { email, password, name })).status).toBe(202)
  const token = await linkSecret(email, '/verify-email')
  expect((await browser.call('POST', '/api/auth/verify-email', { token, password })).status).toBeLessThan(300)
  expect(await browser.call('POST', '/api/auth/sign-in', { email, password })).toMatchObject({
    status: 200,
    json: { outcome: 'signed_in' },
  })
  return { browser, email }
}

const Received = z.object({ subject: z.string(), text: z.string(), to: z.array(z.object({ address: z.string() })) })

/** What the stack's mail server has taken for an address, the oldest first. */
export async function mailsTo(address: string): Promise<z.infer<typeof Received>[]> {
  const mails = z.array(Received).parse(await (await fetch(`${inject('stack').mailUrl}/api/email`)).json())
  return mails.filter(({ to }) => to.some((each) => each.address === address))
}

/** The secret of the link in the newest mail to an address whose text matches; waits until the mail is there. */
export async function linkSecret(address: string, path: string, timeoutMs = 20_000): Promise<string> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const mails = await mailsTo(address)
    const newest = mails.flatMap(({ text }) => new RegExp(`${path}#token=([\\w.-]+)`).exec(text)?.[1] ?? []).at(-1)
    if (newest !== undefined) return newest
    if (Date.now() > deadlineMs) throw new Error(`no mail with ${path} came to ${address}: ${mails.length} other mails did`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
