import { faultsIn } from '../fault.ts'

const recording = ['db/queries/record-usage.test.ts', 'workers/usage/consume.test.ts']
const accounts = ['db/queries/account.test.ts']
const thresholds = ['db/queries/balance-events.test.ts']
const ownKeys = ['db/queries/note-credential-use.test.ts']
const constraints = ['db/constraints.test.ts']
const consuming = ['workers/usage/consume.test.ts']
const administering = ['workers/admin/admin.test.ts']
const reconciling = ['workers/usage/reconcile.test.ts']
const rotating = ['workers/api/endpoints/keys.test.ts']
const selling = ['db/seed.test.ts']

/** What Postgres holds: entries, records, sums and balances, each event once. */
export const books = [
  ...faultsIn('db/queries/record-usage.ts', recording, [
    { promise: 'a redelivered event posts nothing', find: 'on conflict (event_id) do nothing\n', replace: '\n' },
    {
      promise: 'only what was posted now is acted on',
      find: 'select e.* from events e join posted p on p.event_id = e.event_id',
      replace: 'select e.* from events e',
    },
    {
      promise: 'an event moves the balance of its own customer',
      find: 'where o.id = f.organization_id\n    returning o.id',
      replace: 'where true\n    returning o.id',
    },
    {
      promise: 'a debit is taken from the balance there is',
      find: 'set balance_nanos = o.balance_nanos + f.nanos',
      replace: 'set balance_nanos = f.nanos',
    },
    {
      promise: 'a recorded debit raises the version',
      find: 'o.balance_nanos + f.nanos, balance_version = o.balance_version + 1',
      replace: 'o.balance_nanos + f.nanos',
    },
    {
      promise: 'a redelivered event moves no balance',
      find: 'count(*) as recorded from fresh group by 1',
      replace: 'count(*) as recorded from events group by 1',
    },
    {
      promise: 'an account is locked before it is changed',
      find: '[lockOrganizations(organizationIds), statement]',
      replace: '[statement]',
    },
    {
      promise: 'a customer is told its balance after the events',
      find: 'coalesce(m.balance_nanos, o.balance_nanos)',
      replace: 'o.balance_nanos',
    },
    {
      promise: 'the amount of an adjustment is its difference',
      find: 'select e.organization_id, e.amount_nanos, e.kind',
      replace: 'select e.organization_id, -e.cost_nanos, e.kind',
    },
    {
      promise: 'an adjustment outranks its settlement in one batch',
      find: 'order by f.request_id, f.kind',
      replace: 'order by f.request_id, f.kind desc',
    },
    {
      promise: 'an adjustment outranks a settlement that comes later',
      find: "where f.kind = 'adjustment' or (",
      replace: 'where true or (',
    },
    {
      promise: 'a record is corrected by its adjustment',
      find: 'cost_nanos = excluded.cost_nanos, estimated',
      replace: 'cost_nanos = usage_records.cost_nanos, estimated',
    },
    {
      promise: 'a corrected record keeps its place',
      find: 'coalesce(r.settled_at, f.settled_at) as recorded_at',
      replace: 'f.settled_at as recorded_at',
    },
    {
      promise: 'a bucket reported as zero is not stored as unreported',
      find: 'usage.cacheReadTokens ?? null',
      replace: 'usage.cacheReadTokens || null',
      money: false,
    },
  ]),
  ...faultsIn('db/queries/sum-usage.ts', recording, [
    {
      promise: 'an hour and a day lose what an adjustment replaces',
      find: 'select -1, organization_id, settled_at',
      replace: 'select 0, organization_id, settled_at',
    },
    { promise: 'an hour and a day add up', find: '${sum} = s.${sum} + excluded.${sum}', replace: '${sum} = excluded.${sum}' },
    { promise: 'an hour is no longer than an hour', find: "date_trunc('hour', at, 'UTC')", replace: "date_trunc('day', at, 'UTC')" },
  ]),
  ...faultsIn('db/queries/lock-organizations.ts', recording, [
    { promise: 'the lock of an account is taken, not only asked for', find: ' order by id for no key update', replace: '' },
  ]),
  ...faultsIn('db/queries/post-entry.ts', accounts, [
    { promise: 'a credit asked for twice is posted once', find: 'on conflict (event_id) do nothing\n', replace: '\n' },
    {
      promise: 'a credit is added to the balance there is',
      find: 'set balance_nanos = o.balance_nanos + p.amount_nanos',
      replace: 'set balance_nanos = p.amount_nanos',
    },
    {
      promise: 'a credit raises the version',
      find: 'o.balance_nanos + p.amount_nanos, balance_version = o.balance_version + 1',
      replace: 'o.balance_nanos + p.amount_nanos',
    },
    { promise: 'a credit goes to its own customer', find: 'from posted p where o.id = p.organization_id', replace: 'from posted p' },
    { promise: 'an event id is not reused for another amount', find: ' and e.amount_nanos = ${entry.amountNanos}::bigint', replace: '' },
    {
      promise: 'an event id is not reused for another customer',
      find: 'select e.organization_id = ${entry.organizationId} and',
      replace: 'select',
    },
    {
      promise: 'an event id taken a moment ago by another customer is refused',
      find: 'if (row.same !== true)',
      replace: 'if (row.same === false)',
    },
  ]),
  ...faultsIn('db/queries/raise-balance-events.ts', thresholds, [
    {
      promise: 'a balance at its threshold is not low',
      find: 'm.balance_nanos < t.threshold_nanos',
      replace: 'm.balance_nanos <= t.threshold_nanos',
      money: false,
    },
    {
      promise: 'a balance that was below tells nothing new',
      find: ' and m.balance_nanos - m.nanos >= t.threshold_nanos',
      replace: '',
      money: false,
    },
    { promise: 'a balance that falls from its very threshold tells', find: 'm.nanos >= t', replace: 'm.nanos > t', money: false },
    { promise: 'what may be overdrawn is not gone', find: ' - before.overdraft_nanos', replace: '', money: false },
    { promise: "a customer's own threshold counts", find: 'on before.id = m.id', replace: 'on true', money: false },
  ]),
  ...faultsIn('db/queries/note-credential-use.ts', ownKeys, [
    { promise: 'a redelivered refusal counts nothing', find: 'join fresh f on', replace: 'join events f on', money: false },
    {
      promise: "nobody's requests pause another customer's credential",
      find: ' and c.organization_id = f.organization_id',
      replace: '',
      money: false,
    },
    { promise: 'refusals before a batch count', find: 'case answers when 0 then refusals else 0 end', replace: '0', money: false },
    { promise: 'an answer ends a row of refusals', find: 'partition by id, answers order', replace: 'partition by id order', money: false },
    {
      promise: 'refusals of a batch count in the order of time',
      find: 'uses.toSorted((one, other) => one.atMs - other.atMs)',
      replace: 'uses',
      money: false,
    },
    {
      promise: 'three refusals pause, whatever the same batch says after them',
      find: 'n.most_refusals >=',
      replace: 'n.refusals >=',
      money: false,
    },
    {
      promise: 'what is no refusal pauses nothing',
      find: "max(refusals) filter (where outcome = 'unauthorized')",
      replace: 'max(refusals)',
      money: false,
    },
    { promise: 'a pause is told once', find: " and before.status = 'active'", replace: '', money: false },
    {
      promise: 'a pause raises the version of the credentials',
      find: '+ (o.id in (select organization_id from paused))::int',
      replace: '+ 0',
      money: false,
    },
    {
      promise: 'the last error is the latest',
      find: 'case when n.failed_at >=',
      replace: 'case when true or n.failed_at >=',
      money: false,
    },
    { promise: 'attempts of an orphan count once', find: "if (end === 'expired') return []\n", replace: '\n', money: false },
  ]),
  ...faultsIn('db/queries/set-organization-account.ts', accounts, [
    { promise: 'an overdraft is given to one customer', find: '    .where(eq(organizations.id, organizationId))\n', replace: '' },
    {
      promise: 'a change of an account raises its version',
      find: '{ ...after, balanceVersion: sql`${organizations.balanceVersion} + 1` }',
      replace: '{ ...after, balanceVersion: sql`${organizations.balanceVersion}` }',
    },
  ]),
  ...faultsIn('db/queries/keys/key-reference.ts', accounts, [
    {
      promise: 'a key is limited and revoked by its own customer only',
      find: ' and k.organization_id = ${organizationId}',
      replace: '',
    },
    { promise: 'a revoked key is not changed', find: ' and k.revoked_at is null', replace: '' },
  ]),
  ...faultsIn('db/queries/keys/rotate-api-key.ts', rotating, [
    {
      promise: 'a rotated key ends when it would have ended anyway',
      find: 'least(k.expires_at, now()',
      replace: 'greatest(k.expires_at, now()',
      money: false,
    },
    { promise: 'a new key has the limits of the one it replaces', find: 'k.id, k.limits, k', replace: "k.id, '{}'::jsonb, k" },
  ]),
  ...faultsIn('db/queries/snapshot-column.ts', accounts, [
    { promise: 'a revoked key is in no snapshot', find: ' and k.revoked_at is null', replace: '' },
    { promise: 'a snapshot holds the keys of its customer only', find: 'k.organization_id = ${organizations.id} and ', replace: '' },
  ]),
  ...faultsIn('db/queries/create-customer.ts', administering, [
    { promise: 'an opening credit is an entry', find: 'if (credit) {', replace: 'if (credit && credit.amountNanos < 0) {' },
    {
      promise: 'an opening credit is in the balance',
      find: 'checkedNanos(credit?.amountNanos ?? 0)',
      replace: '0 * (credit?.amountNanos ?? 0)',
    },
  ]),
  ...faultsIn('db/queries/park-events.ts', consuming, [
    { promise: 'an event is parked once', find: '.onConflictDoNothing()', replace: '' },
  ]),
  ...faultsIn('db/queries/read-catalogue.ts', selling, [
    { promise: 'a price counts from its day on', find: ' and v.effective_at <= now()', replace: '' },
    { promise: 'the newest price counts', find: 'order by v.effective_at desc', replace: 'order by v.effective_at' },
    {
      promise: 'a model without a price is not for sale',
      find: '  cross join lateral (\n    select * from price_versions',
      replace: '  left join lateral (\n    select * from price_versions',
    },
  ]),
  ...faultsIn('db/queries/reconcile.ts', accounts, [
    { promise: 'reconciliation compares usage with entries', find: ' or usage_entries + records <> 0', replace: '' },
  ]),
  ...faultsIn('db/queries/reconcile-page.ts', reconciling, [
    {
      promise: 'the cron finds one nano in a balance',
      find: 'where coalesce(e.nanos, 0) <> coalesce(b.nanos, 0)',
      replace: 'where abs(coalesce(e.nanos, 0) - coalesce(b.nanos, 0)) > 1',
    },
    {
      promise: 'the cron finds one nano between entries and records',
      find: 'where coalesce(e.usage_nanos, 0) + coalesce(c.nanos, 0) <> 0',
      replace: 'where coalesce(e.usage_nanos, 0) + coalesce(c.nanos, 0) > 1',
    },
  ]),
  ...faultsIn('db/migrations/0000_first.sql', constraints, [
    {
      promise: 'an event has one entry in all of Postgres',
      find: '\tCONSTRAINT "ledger_entries_event" UNIQUE("event_id"),\n',
      replace: '',
    },
    {
      promise: 'a settlement never credits',
      find: 'when \'settlement\' then "ledger_entries"."amount_nanos" <= 0 else true end',
      replace: 'else true end',
    },
    {
      promise: 'a balance has a range',
      find: '"organizations"."balance_nanos" between -4500000000000000 and 4500000000000000',
      replace: 'true',
    },
    {
      promise: 'an overdraft is not negative',
      find: '"organizations"."overdraft_nanos" between 0 and',
      replace: '"organizations"."overdraft_nanos" between -4500000000000000 and',
    },
    {
      promise: 'a price is not negative',
      find: '"price_versions"."output_picos") >= 0\n',
      replace: '"price_versions"."output_picos") >= -1\n',
    },
    {
      promise: 'a price table of the wrong unit is refused',
      find: '"price_versions"."output_picos") <= 10000000000)',
      replace: '"price_versions"."output_picos") <= 10000000001)',
    },
    {
      promise: 'one price of a model begins at a moment',
      find: '\tCONSTRAINT "price_versions_effective" UNIQUE("model_id","effective_at"),\n',
      replace: '',
    },
    { promise: 'a key stands for one customer', find: '\tCONSTRAINT "api_keys_hash" UNIQUE("key_hash"),\n', replace: '' },
  ]),
  ...faultsIn('db/migrations/0000_first.sql', recording, [
    {
      promise: 'a request has one record',
      find: 'CONSTRAINT "usage_records_pk" PRIMARY KEY("request_id","settled_at")',
      replace: 'CHECK (true)',
    },
    {
      promise: 'a day has one row of a key and model',
      find: 'CONSTRAINT "usage_daily_pk" PRIMARY KEY("organization_id","day","key_id","model")',
      replace: 'CHECK (true)',
    },
    { promise: 'a parked event stands once', find: '\tCONSTRAINT "parked_events_event" UNIQUE("event_id")', replace: '\tCHECK (true)' },
  ]),
  ...faultsIn('db/migrations/0007_payments_and_webhooks.sql', constraints, [
    {
      promise: 'a movement raises an event of a kind once',
      find: 'ADD CONSTRAINT "customer_events_dedupe" UNIQUE("organization_id","type","dedupe")',
      replace: 'ADD CONSTRAINT "customer_events_dedupe" CHECK (true)',
      money: false,
    },
  ]),
]
