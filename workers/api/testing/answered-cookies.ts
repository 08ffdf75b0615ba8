import type { Answer } from './stage.ts'

/** The cookies that an answer sets, as the browser sends them back: the header `Cookie`. */
export function setCookiesOf({ headers }: Pick<Answer, 'headers'>): string {
  const given = headers.getSetCookie().filter((cookie) => !/;\s*Max-Age=0/i.test(cookie))
  return given.map((cookie) => cookie.split(';')[0]).join('; ')
}
