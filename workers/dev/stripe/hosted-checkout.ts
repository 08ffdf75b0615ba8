import { z } from 'zod'

export interface HostedLine {
  name: string
  unitAmount: number
  currency: string
  quantity: number
}

const Made = z.object({ id: z.string() })

/** The pages of emulate's own checkout: it shows what is bought, and takes the click that pays. Everything else of it stays unused. */
export class HostedCheckout {
  readonly #url: string

  constructor(emulatorUrl: string) {
    this.#url = emulatorUrl
  }

  /** Makes a page and returns its id at the emulator. */
  async open(lines: HostedLine[], successUrl: string, cancelUrl: string | undefined): Promise<string> {
    const form: Record<string, string> = {
      mode: 'payment',
      success_url: successUrl,
      ...(cancelUrl !== undefined && { cancel_url: cancelUrl }),
    }
    for (const [index, { name, unitAmount, currency, quantity }] of lines.entries()) {
      const product = await this.#make('products', { name })
      form[`line_items[${index}][price]`] = await this.#make('prices', { product, currency, unit_amount: String(unitAmount) })
      form[`line_items[${index}][quantity]`] = String(quantity)
    }
    return this.#make('checkout/sessions', form)
  }

  async page(id: string): Promise<string> {
    return (await fetch(`${this.#url}/checkout/${id}`)).text()
  }

  /** Where the browser goes after it has paid. */
  async complete(id: string): Promise<string> {
    const answer = await fetch(`${this.#url}/checkout/${id}/complete`, { method: 'POST', redirect: 'manual' })
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`emulate did not complete its checkout: ${answer.status}`)
    return location
  }

  async expire(id: string): Promise<void> {
    await this.#send(`checkout/sessions/${id}/expire`, {})
  }

  /** What its pages load. */
  asset(path: string): Promise<Response> {
    return fetch(`${this.#url}${path}`)
  }

  async #make(resource: string, form: Record<string, string>): Promise<string> {
    return Made.parse(await (await this.#send(resource, form)).json()).id
  }

  async #send(path: string, form: Record<string, string>): Promise<Response> {
    const answer = await fetch(`${this.#url}/v1/${path}`, { method: 'POST', body: new URLSearchParams(form) })
    if (!answer.ok) throw new Error(`emulate refused ${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }
}
