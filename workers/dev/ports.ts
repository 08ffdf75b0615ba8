import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** The one table of ports: each part of a stack listens on the stack's base port plus its offset. */
export const portOffsets = {
  proxy: 0,
  api: 1,
  access: 2,
  portal: 3,
  upstream: 4,
  postgres: 5,
  neon: 6,
  redis: 7,
  upstash: 8,
  admin: 9,
  ledger: 10,
  usage: 11,
  quality: 12,
  kms: 13,
  dns: 14,
  smtp: 15,
  mail: 16,
  github: 17,
  google: 18,
  stripe: 19,
  webhooks: 20,
  inbox: 21,
} as const

export type PortName = keyof typeof portOffsets
export type Ports = Record<PortName, number>

/** The address every part of a stack listens on; nothing of it is reachable from another machine. */
export const localHost = '127.0.0.1'

const portAdvice = 'Stop what listens there, or set RELAY_PORT to another base port (the stack uses base to base + 21).'

export function portsFrom(portBase: number): Ports {
  const entries = Object.entries(portOffsets).map(([name, offset]) => [name, portBase + offset])
  // Object.fromEntries forgets the keys; the entries were made from portOffsets just above.
  return Object.fromEntries(entries) as Ports
}

/** Throws one error that names every busy port and the part that wants it, when they are not free within `patienceMs`. */
export async function requireFreePorts(ports: Ports, names: readonly PortName[], patienceMs = 0): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const wanted = await Promise.all(names.map(async (name) => ({ name, free: await isFree(ports[name]) })))
    const busy = wanted.filter((each) => !each.free).map((each) => `port ${ports[each.name]} (wanted by ${each.name}) is in use`)
    if (busy.length === 0) return
    if (Date.now() >= deadline) throw new Error(`${busy.join('\n')}\n${portAdvice}`)
    await wait(100)
  }
}

/** Ports that nobody listens on. All at once, so that none is handed out twice. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, localHost, resolve))))
  // A server that listens on TCP has an address of this shape.
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: localHost, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
