import { assert } from '#shared/values/assert.ts'
import { localHost } from '#workers/dev/ports.ts'
import type { BrokerSettings, QueueFaults } from './broker.ts'
import { readWorkerConfig, type WorkerName } from './bundle.ts'

/** The modules wrangler bundled: paths relative to the configuration's folder, because Cap'n Proto embeds no others. */
export type RelayBundles = Record<WorkerName | 'broker', string>

export interface RelayParts {
  port: number
  bundles: RelayBundles
  /** Variables and secrets of the Workers that have any. */
  vars: Partial<Record<WorkerName, Record<string, string>>>
  /** A folder that exists, for the databases of the ledger's objects. */
  objectsDirectory: string
  /** What the queue does wrong; nothing without. */
  queueFaults?: QueueFaults | undefined
}

/** One workerd that serves a pass-through Worker. */
export function floorConfiguration(port: number, bundles: { floor: string }, upstreamUrl: string): string {
  const worker = workerText({ module: bundles.floor, bindings: [textBinding('UPSTREAM', upstreamUrl)], like: 'proxy' })
  return configurationText(port, 'floor', [service('floor', worker)])
}

/** One workerd that serves the whole relay: proxy, ledger, the queue and its consumer, bound as wrangler.toml says. */
export function relayConfiguration(parts: RelayParts): string {
  const { className, consumer } = readBindings()
  const ledgerBinding = `(name = "LEDGER", durableObjectNamespace = (className = ${quote(className)}, serviceName = "ledger"))`
  const relayWorker = (name: WorkerName, bindings: string[], rest = '') => {
    const vars = Object.entries(parts.vars[name] ?? {}).map(([variable, value]) => textBinding(variable, value))
    return service(name, workerText({ module: parts.bundles[name], bindings: [...bindings, ...vars], rest, like: name }))
  }
  const storage = `,
      durableObjectNamespaces = [(className = ${quote(className)}, uniqueKey = "relay-ledger", enableSql = true)],
      durableObjectStorage = (localDisk = "objects")`
  return configurationText(parts.port, 'proxy', [
    relayWorker('proxy', [ledgerBinding]),
    relayWorker('ledger', [ledgerBinding, '(name = "USAGE_QUEUE", queue = "broker")'], storage),
    // Nobody has webhooks here: the broker takes what the ledger sends, and refuses a nudge.
    relayWorker('usage', [ledgerBinding, '(name = "WEBHOOK_QUEUE", queue = "broker")']),
    service('broker', brokerText(parts.bundles.broker, consumer, parts.queueFaults)),
    `(name = "objects", disk = (path = ${quote(parts.objectsDirectory)}, writable = true))`,
  ])
}

interface Consumer {
  queue: string
  max_batch_size?: number
  max_batch_timeout?: number
}

/** wrangler's types leave consumers open. */
function readConsumers(): Consumer[] {
  return readWorkerConfig('usage').queues.consumers ?? []
}

/** What the configuration above takes for granted of wrangler.toml; a change there must fail here instead of benchmarking something else. */
function readBindings() {
  const { durable_objects, queues } = readWorkerConfig('ledger')
  const [object] = durable_objects.bindings
  const [producer] = queues.producers ?? []
  const consumer = readConsumers().find(({ queue }) => queue === producer?.queue)
  assert(object?.name === 'LEDGER' && producer?.binding === 'USAGE_QUEUE' && consumer, 'wrangler.toml binds the ledger otherwise')
  return { className: object.class_name, consumer }
}

function brokerText(module: string, consumer: Consumer, faults: QueueFaults | undefined): string {
  const { queue, max_batch_size, max_batch_timeout } = consumer
  const settings: BrokerSettings = {
    queue,
    ...(faults && { faults }),
    batchSize: max_batch_size ?? 10,
    batchTimeoutMs: (max_batch_timeout ?? 5) * 1_000,
  }
  const bindings = [
    '(name = "BROKER", durableObjectNamespace = "Broker")',
    '(name = "CONSUMER", service = "usage")',
    textBinding('SETTINGS', JSON.stringify(settings)),
  ]
  // An object that is never evicted, and whose service bindings have the method `queue`.
  const rest = `,
      durableObjectNamespaces = [(className = "Broker", ephemeralLocal = void, preventEviction = true)]`
  return workerText({ module, bindings, rest, like: 'usage', flags: ['service_binding_extra_handlers'] })
}

interface WorkerText {
  module: string
  bindings: string[]
  rest?: string
  /** The Worker whose compatibility date and flags it has. */
  like: WorkerName
  flags?: string[]
}

function workerText(worker: WorkerText): string {
  const { compatibility_date, compatibility_flags } = readWorkerConfig(worker.like)
  assert(compatibility_date, 'wrangler.toml has no compatibility date')
  const flags = [...compatibility_flags, ...(worker.flags ?? [])].map(quote).join(', ')
  return `(
      modules = [(name = "index.js", esModule = embed ${quote(worker.module)})],
      compatibilityDate = ${quote(compatibility_date)}, compatibilityFlags = [${flags}],
      bindings = [${worker.bindings.join(', ')}]${worker.rest ?? ''}
    )`
}

function configurationText(port: number, entry: string, services: string[]): string {
  // The upstream and Neon's stand-in are on this machine, which workerd reaches only when told so.
  const internet = '(name = "internet", network = (allow = ["public", "private"]))'
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${[...services, internet].join(',\n    ')}
  ],
  sockets = [(name = "http", address = ${quote(`${localHost}:${port}`)}, http = (), service = ${quote(entry)})]
);
`
}

function service(name: string, worker: string): string {
  return `(name = ${quote(name)}, worker = ${worker})`
}

function textBinding(name: string, value: string): string {
  return `(name = ${quote(name)}, text = ${quote(value)})`
}

/** Cap'n Proto's text literals are JSON's, but for `\u`. */
function quote(text: string): string {
  return JSON.stringify(text)
}
