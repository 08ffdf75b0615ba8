import { z } from 'zod'

/** A name people gave. Control and invisible format characters and halves of surrogate pairs are refused: names are printed on terminals and kept as JSON. */
export const DisplayName = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'contains control characters')
