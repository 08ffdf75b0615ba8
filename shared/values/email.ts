import { z } from 'zod'

/** An address of e-mail as accounts know it: in lower case, so that it names one account however it is typed. */
export const Email = z.string().trim().max(254).toLowerCase().pipe(z.email('is not an e-mail address'))
