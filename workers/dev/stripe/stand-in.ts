import { createEmulator } from 'emulate'
import { findFreePorts, localHost } from '../ports.ts'
import { createStripeFront } from './front.ts'
import { HostedCheckout } from './hosted-checkout.ts'
import { Store } from './store.ts'
import { Webhooks, type WebhookTarget } from './webhooks.ts'

export type StripeOptions = {
  port: number
  /** The one key that its API takes. */
  secretKey: string
  webhook: WebhookTarget
}

/** Plays Stripe: a strict front of ours, and behind it the checkout pages of `emulate`. All state is lost at its end, which the caller brings about. */
export async function startStripe({ port, secretKey, webhook }: StripeOptions): Promise<{ url: string; end: () => Promise<void> }> {
  const [behind = 0] = await findFreePorts(1)
  const url = `http://${localHost}:${port}`
  const emulator = await createEmulator({ service: 'stripe', port: behind, baseUrl: url })
  const store = new Store()
  const webhooks = new Webhooks(store, webhook)
  const hosted = new HostedCheckout(`http://${localHost}:${behind}`)
  const front = createStripeFront({ url, secretKey, store, webhooks, hosted, cards: new Map(), orders: new Map(), nextCharges: new Map() })
  await new Promise<void>((resolve) => front.listen(port, localHost, resolve))
  const end = async () => {
    webhooks.close()
    front.close()
    front.closeAllConnections()
    await emulator.close()
  }
  return { url, end }
}
