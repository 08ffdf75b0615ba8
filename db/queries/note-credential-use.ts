import { type SQL, sql } from 'drizzle-orm'
import { type AttemptOutcome, eventIdOf, type UsageEvent } from '#shared/contracts/usage-event.ts'
import { arrayLiteral } from './array-literal.ts'

/** Refusals in a row that pause a credential: one or two can be a provider's own trouble or a key that is just being replaced. */
export const refusalsUntilPaused = 3

/** One attempt with a customer's own credential. */
export interface CredentialUse {
  eventId: string
  credentialId: string
  outcome: AttemptOutcome
  atMs: number
}

/** The parts of the statement that records usage which are about provider credentials. */
export interface CredentialParts {
  /** Reads `fresh`; hands on `paused (id, organization_id)`, the credentials that were active until now. */
  noting: SQL
  /** What `moved` sets beside the balance. */
  raisingVersion: SQL
  /** Reads `moved`, whose version each event names. */
  telling: SQL
  /** How many credentials of the organization `o` were paused. */
  paused: SQL
}

/**
 * The attempts of an event with credentials of its customer. An orphan's settlement has none: they are those of its last report, and would count
 * once more when its Worker is heard of after all and says everything again. A 403 refuses what was asked, such as a model, and not the key.
 */
export function credentialUses(event: UsageEvent): CredentialUse[] {
  const { attempts = [], end } = event.settlement
  if (end === 'expired') return []
  return attempts.flatMap(({ credentialId, outcome: ended, status }) => {
    const outcome = ended === 'unauthorized' && status === 403 ? 'refused' : ended
    return credentialId === undefined ? [] : { eventId: eventIdOf(event), credentialId, outcome, atMs: event.settledAtMs }
  })
}

/** All parts are empty without uses, so that the usual batch pays nothing for them. */
export function noteCredentialUse(uses: CredentialUse[]): CredentialParts {
  if (uses.length === 0) return { noting: sql``, raisingVersion: sql``, telling: sql``, paused: sql`0` }
  return { noting: noting(uses.toSorted((one, other) => one.atMs - other.atMs)), raisingVersion, telling, paused }
}

/**
 * Within a batch, refusals count in the order of time; from batch to batch in the order of recording. Attempts of one request keep theirs. That
 * refusals in the middle of a batch were enough counts too, or it would depend on how events were packed whether a credential is paused. A request from
 * before the present key was stored says nothing of it.
 */
function noting(uses: CredentialUse[]): SQL {
  const eventIds = arrayLiteral(uses.map(({ eventId }) => eventId))
  const credentialIds = arrayLiteral(uses.map(({ credentialId }) => credentialId))
  const outcomes = arrayLiteral(uses.map(({ outcome }) => outcome))
  return sql`
    uses as (
      select c.id, c.refusals, u.outcome, u.position, f.settled_at,
        count(*) filter (where u.outcome = 'answered') over (partition by c.id order by u.position) as answers
      from unnest(${eventIds}::text[], ${credentialIds}::text[], ${outcomes}::text[])
        with ordinality as u (event_id, credential_id, outcome, position)
      join fresh f on f.event_id = u.event_id
      join provider_credentials c on c.id = u.credential_id and c.organization_id = f.organization_id
      join secrets s on s.owner_table = 'provider_credentials' and s.owner_id = c.id and s.purpose = 'api_key'
        and s.created_at <= f.started_at
    ), counted as (
      select id, outcome, position, settled_at, case answers when 0 then refusals else 0 end
        + count(*) filter (where outcome = 'unauthorized') over (partition by id, answers order by position) as refusals
      from uses
    ), noted as (
      update provider_credentials c
      set last_used_at = greatest(c.last_used_at, n.used_at),
        last_error = case when n.failed_at >= coalesce(c.last_error_at, n.failed_at) then n.failure else c.last_error end,
        last_error_at = greatest(c.last_error_at, n.failed_at),
        refusals = n.refusals,
        status = case when n.most_refusals >= ${sql.raw(String(refusalsUntilPaused))} then 'paused' else c.status end
      from (
        select id, max(settled_at) as used_at, max(settled_at) filter (where outcome <> 'answered') as failed_at,
          (array_agg(outcome order by position desc) filter (where outcome <> 'answered'))[1] as failure,
          (array_agg(refusals order by position desc))[1] as refusals,
          max(refusals) filter (where outcome = 'unauthorized') as most_refusals
        from counted group by id
      ) n
      where c.id = n.id
      returning c.id, c.organization_id, c.status
    ), paused as (
      select n.id, n.organization_id from noted n join provider_credentials before on before.id = n.id
      where n.status = 'paused' and before.status = 'active'
    ),`
}

const raisingVersion = sql`, credentials_version = o.credentials_version + (o.id in (select organization_id from paused))::int`

const telling = sql`,
  told as (
    insert into customer_events (organization_id, type, dedupe, data)
    select m.id, 'byok.invalid', p.id || ' ' || m.balance_version, jsonb_build_object('credentialId', p.id) from paused p join moved m on m.id = p.organization_id
  )`

const paused = sql`(select count(*) from paused p where p.organization_id = o.id)`
