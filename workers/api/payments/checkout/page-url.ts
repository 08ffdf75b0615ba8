import { assert } from '#shared/values/assert.ts'

/** The address of a page of Stripe's that was just made. */
export function pageUrl(url: string | null): string {
  assert(url !== null, 'a session with a hosted page has an address until it ends')
  return url
}
