import { faultsIn } from '../fault.ts'

const consuming = ['workers/usage/consume.test.ts']
const recording = [...consuming, 'db/queries/record-usage.test.ts']
const crediting = ['workers/admin/admin.test.ts']
const reconciling = ['workers/usage/reconcile.test.ts']

/** From the queue into Postgres, and credit by hand. */
export const usage = [
  ...faultsIn('workers/usage/consume.ts', consuming, [
    { promise: 'a paused credential is told to its object', find: '      pushPauses(platform, recording),\n', replace: '', money: false },
    {
      promise: 'a message is acknowledged after the commit, not before',
      find: '  const deaf = await recordAndConfirm(',
      replace: '  for (const { message } of read) message.ack()\n  const deaf = await recordAndConfirm(',
    },
    { promise: 'what Postgres did not commit comes again', find: "return 'all'", replace: 'return new Set()' },
    { promise: 'a message comes again while its object has not heard', find: 'deaf.add(organizationId)', replace: '' },
    { promise: 'an event that was refused is not confirmed', find: '.filter((eventId) => !refused.has(eventId))', replace: '' },
    { promise: 'an event that was refused is parked', find: '[...broken, ...recording.refused]', replace: '[...broken]' },
    { promise: 'an event that does not parse is parked', find: '[...broken, ...recording.refused]', replace: '[...recording.refused]' },
    {
      promise: 'a confirmation carries the version of its balance',
      find: 'applied({ eventIds, balanceNanos, version })',
      replace: 'applied({ eventIds, balanceNanos, version: 0 })',
    },
    { promise: 'all events of a customer are confirmed', find: '[...(eventIdsOf.get(organizationId) ?? []), ...held]', replace: 'held' },
  ]),
  ...faultsIn('workers/usage/record.ts', consuming, [
    {
      promise: 'the other half of a refused batch is recorded too',
      find: 'waiting.push(...halves)',
      replace: 'waiting.push(...halves.slice(1))',
    },
    { promise: 'no event falls between two halves', find: 'items.slice(middle)]', replace: 'items.slice(middle + 1)]' },
    {
      promise: 'an event of nobody is parked',
      find: "recording.refused.push(...refusedEvents(unknown, 'organization unknown'))",
      replace: 'void unknown',
    },
    { promise: 'a fault of Postgres parks nothing', find: '|| !isAboutContent(postgresError.sqlState)) throw', replace: ') throw' },
    { promise: 'a missing month is made', find: 'if (!isMissingPartition(error)) throw error', replace: 'throw error' },
  ]),
  ...faultsIn('workers/usage/read-message.ts', consuming, [
    {
      promise: 'a broken event does not spoil its neighbours',
      find: 'if (events.length > 0) read.batch',
      replace: 'if (read.broken.length === 0) read.batch',
    },
  ]),
  ...faultsIn('shared/contracts/usage-event.ts', recording, [
    {
      promise: 'a settlement and its adjustment are two events',
      find: '`${request.requestId}:${kind}`',
      replace: 'event.request.requestId',
    },
    { promise: 'a cost below zero does not parse', find: '  costNanos: Nanos,', replace: '  costNanos: SignedNanos,' },
  ]),
  ...faultsIn('workers/usage/judge-audit.ts', reconciling, [
    {
      promise: 'an object whose balance left Postgres is found',
      find: 'balance.version < account.version ||',
      replace: 'balance.version <= account.version ||',
    },
    {
      promise: 'an event that Postgres never got is found',
      find: "else missing.push(findingOf('event_unrecorded'",
      replace: "else void (findingOf('event_unrecorded'",
    },
    { promise: 'a hold of a settled request is found', find: 'if (recordedAtMs.has(settlementId(requestId)))', replace: 'if (false)' },
  ]),
  ...faultsIn('workers/services/billing/credit.ts', crediting, [
    {
      promise: 'an idempotency key makes a credit land once',
      find: 'eventId: creditEventId(wanted.idempotencyKey)',
      replace: 'eventId: creditEventId(crypto.randomUUID())',
    },
    {
      promise: "an operator's key is never taken for a request's event",
      find: 'return `credit:${idempotencyKey}`',
      replace: 'return idempotencyKey',
    },
    {
      promise: 'the object is told of a credit again when it is asked for again',
      find: "if (outcome.outcome !== 'posted') return outcome",
      replace: "if (outcome.outcome !== 'posted') return null",
    },
  ]),
]
