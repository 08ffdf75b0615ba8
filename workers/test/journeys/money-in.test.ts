import { randomUUID } from 'node:crypto'
import OpenAI from 'openai'
import { type Browser as Chromium, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { findChromium } from '#workers/dev/chromium/find-chromium.ts'
import { controlStripe } from '#workers/dev/stripe/control-client.ts'
import { expectEventually } from './eventually.ts'
import { operated } from './own-keys.ts'
import { mailsTo, type Person, portalOrigin, signedUp } from './people.ts'
import { ring } from './ring.ts'

let browser: Chromium
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: await findChromium(), args: ['--no-sandbox'] })
}, 300_000)
afterAll(() => browser?.close())

const Checkout = z.object({ topUpId: z.string(), url: z.url() })
const Key = z.object({ keyId: z.string(), apiKey: z.string() })
const Balance = z.object({ balanceNanos: z.int(), state: z.string() })

/** Somebody new with an organization, a key, and no credit. */
async function newcomer(name: string): Promise<Person & { root: string; ask: () => Promise<number> }> {
  const person = await signedUp(name)
  const { organizationId } = await person.browser.ask(z.object({ organizationId: z.string() }), 'POST', '/api/organizations', { name })
  const root = `/api/organizations/${organizationId}`
  const { apiKey } = await person.browser.ask(Key, 'POST', `${root}/keys`, { name: 'First' })
  const client = new OpenAI({ apiKey, baseURL: `${inject('stack').proxyUrl}/v1`, maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'Say hello' }]
  const ask = () =>
    client.chat.completions.create({ model: 'gpt-relay-fast', messages }).then(
      () => 200,
      (error: unknown) => z.object({ status: z.int() }).parse(error).status,
    )
  return { ...person, root, ask }
}

/** Clicks through a page of Stripe's, and answers where that leads back to. */
async function payOnPage(url: string): Promise<string> {
  const page = await browser.newPage()
  try {
    // Where the portal is to stand there may be nothing yet: what counts is that the page leads there.
    await page.route(`${portalOrigin()}/**`, (route) => route.fulfill({ status: 200, body: 'back' }))
    await page.goto(url)
    await page.locator('button[type=submit]').first().click()
    await page.waitForURL(`${portalOrigin()}/**`, { timeout: 20_000 })
    return page.url()
  } finally {
    await page.close()
  }
}

const balanceOf = async ({ browser, root }: { browser: Person['browser']; root: string }) =>
  (await browser.ask(Balance, 'GET', `${root}/balance`)).balanceNanos

test('a person tops up by the checkout page, and the credit is usable on the next request', async () => {
  const ada = await newcomer('ada')
  expect(await ada.ask()).toBe(402)
  const checkout = await ada.browser.ask(Checkout, 'POST', `${ada.root}/billing/top-ups`, {
    amountNanos: 10_000_000_000,
    savePaymentMethod: true,
  })
  expect(await payOnPage(checkout.url)).toContain(checkout.topUpId)
  await expectEventually(() => balanceOf(ada), 10_000_000_000, 20_000)
  expect(await ada.ask()).toBe(200)

  const topUp = await ada.browser.call('GET', `${ada.root}/billing/top-ups/${checkout.topUpId}`)
  expect(topUp.json).toMatchObject({ status: 'succeeded', amountNanos: 10_000_000_000, paidCents: 1_000 })
  const entries = await ada.browser.call('GET', `${ada.root}/ledger-entries?kinds=credit`)
  expect(entries.json).toMatchObject({ data: [{ amountNanos: 10_000_000_000, cause: { type: 'top_up', topUpId: checkout.topUpId } }] })

  await ada.browser.ask(z.object({}), 'PUT', `${ada.root}/billing/automatic-top-up`, {
    enabled: true,
    thresholdNanos: 20_000_000_000,
    amountNanos: 15_000_000_000,
    monthlyCapNanos: 20_000_000_000,
  })
  await ring('* * * * *')
  // The cap of the month lets one pass and not two.
  await expectEventually(async () => (await balanceOf(ada)) > 24_000_000_000, true, 20_000)
  await ring('* * * * *')
  expect(await balanceOf(ada)).toBeLessThan(25_000_000_001)

  const stripe = controlStripe(inject('stack').stripeUrl)
  const payment = (await stripe.payments()).find(({ metadata }) => metadata.topUpId === checkout.topUpId)
  await stripe.refund(payment?.paymentIntent ?? '')
  await expectEventually(async () => (await balanceOf(ada)) < 15_000_000_001, true, 20_000)
  for (const cron of ['*/5 * * * *', '* * * * *']) await ring(cron)
  await expectEventually(async () => (await mailsTo(ada.email)).some(({ subject }) => /refund/i.test(subject)), true, 20_000)
}, 120_000)

test('a code gives credit that is spent first, once', async () => {
  const bob = await newcomer('bob')
  const code = `HELLO-${randomUUID().slice(0, 8)}`.toUpperCase()
  await operated(z.object({ code: z.literal(code) }), ['promotion', 'create', '--code', code, '--usd', '3', '--days', '30'])
  expect((await bob.browser.call('POST', `${bob.root}/billing/promotions/redeem`, { code })).status).toBeLessThan(300)
  expect((await bob.browser.call('POST', `${bob.root}/billing/promotions/redeem`, { code })).status).toBe(409)
  expect(await bob.ask()).toBe(200)
})
