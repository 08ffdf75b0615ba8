import type { Reply } from './script.ts'

export const queryTypes = ['A', 'AAAA'] as const
export type QueryType = (typeof queryTypes)[number]

export function isQueryType(text: string): text is QueryType {
  return queryTypes.some((type) => type === text)
}

/** Numbers of IANA's registry of record types. */
const typeNumbers = { A: 1, CNAME: 5, SOA: 6, AAAA: 28 }
const noError = 0
const noSuchName = 3

/** The answer in the JSON form of Cloudflare's resolver; without a reply the name does not exist. */
export function composeMessage(name: string, type: QueryType, reply: Reply | undefined): object {
  const status = reply?.status ?? noSuchName
  const records = reply && status === noError ? recordsOf(name, type, reply) : []
  const isEmpty = !records.some((record) => record.type === typeNumbers[type])
  return {
    Status: status,
    TC: false,
    RD: true,
    RA: true,
    AD: false,
    CD: false,
    Question: [{ name, type: typeNumbers[type] }],
    ...(records.length > 0 && { Answer: records }),
    ...(isEmpty && (status === noError || status === noSuchName) && { Authority: [startOfAuthority(name)] }),
  }
}

function recordsOf(name: string, type: QueryType, { a, aaaa, cname, ttlSeconds: TTL }: Reply) {
  const owner = cname ?? name
  const addresses = (type === 'A' ? a : aaaa).map((data) => ({ name: owner, type: typeNumbers[type], TTL, data }))
  return cname === undefined ? addresses : [{ name, type: typeNumbers.CNAME, TTL, data: `${cname}.` }, ...addresses]
}

/** Who says that there is nothing, and for how long that may be remembered. */
function startOfAuthority(name: string) {
  const zone = name.split('.').slice(-2).join('.')
  return { name: zone, type: typeNumbers.SOA, TTL: 300, data: `ns.${zone}. dns.${zone}. 1 10000 2400 604800 300` }
}
