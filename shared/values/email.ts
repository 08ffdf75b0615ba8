import { z } from 'zod'

/** An address of e-mail as accounts know it: in lower case, so that it names one account however it is typed. */
export const Email = z.string().trim().max(254).toLowerCase().pipe(z.email('is not an e-mail address'))

/** `a…@example.com`: enough to recognise an address that one knows, too little to write to it. */
export function redactEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return `${Array.from(email).slice(0, 1).join('')}…${email.slice(at)}`
}
