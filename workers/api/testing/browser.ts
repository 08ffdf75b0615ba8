import type { Answer, Asking, Stage } from './stage.ts'

/** Keeps the cookies of the Worker's answers, as a browser with the portal open does, and comes from an address of its own. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #stage: Pick<Stage, 'call'>
  readonly #ip = `198.51.100.${Math.floor(Math.random() * 256)}:${crypto.randomUUID()}`

  constructor(stage: Pick<Stage, 'call'>) {
    this.#stage = stage
  }

  /** A second browser with the same cookies: another tab, or whoever stole them. */
  copy(): Browser {
    const copied = new Browser(this.#stage)
    for (const [name, value] of this.cookies) copied.cookies.set(name, value)
    return copied
  }

  async call(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { 'cf-connecting-ip': this.#ip, 'sec-fetch-site': 'same-origin', ...asking.headers }
    const answer = await this.#stage.call(method, path, { ...(cookie !== '' && { cookie }), ...asking, headers })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    return answer
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/max-age=0(;|$)/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
