import type { Db } from '#db/client.ts'
import { Problem } from '#workers/edge/problem.ts'
import { checkTarget } from '#workers/services/targets/check-target.ts'
import { judgeTarget } from '#workers/services/targets/judge-target.ts'
import { readOwnUpstreams } from '#workers/services/targets/own-upstreams.ts'
import type { TargetAccess } from '#workers/services/targets/settings.ts'

/** Lets a URL pass that we may post to at this moment; it is judged again at each delivery. Throws 400 for any other, and 503 when DNS does not tell. */
export async function admitUrl({ rules, resolver }: TargetAccess, db: Db, text: string): Promise<void> {
  const ours = await readOwnUpstreams(db)
  const checked = checkTarget(text, { ...rules, ownHosts: [...rules.ownHosts, ...ours.hosts] })
  if (checked.outcome === 'refused') throw refusal(checked.reason)
  const { origin, pathname } = checked.url
  if (ours.have(origin + pathname)) throw refusal('The address belongs to this platform.')
  const judged = await judgeTarget(checked.url, rules, resolver)
  if (judged.outcome === 'refused') throw refusal(judged.reason)
  if (judged.outcome === 'unknown')
    throw new Problem('unavailable', 'DNS did not tell where the URL leads, so nothing was stored. Try again in a moment.')
}

function refusal(detail: string): Problem {
  return new Problem('invalid_request', 'Nothing is sent to this URL.', [{ pointer: '#/url', detail }])
}
