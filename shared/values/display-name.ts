import { z } from 'zod'

/**
 * A name people gave. Control and invisible format characters are refused, because names are printed on terminals and in logs; halves of a surrogate pair,
 * because Postgres keeps none.
 */
export const DisplayName = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'contains control characters')
