import { z } from 'zod'

/**
 * A path of the portal, with its query and fragment. Browsers read `//` and a backslash as another host, and drop tabs and newlines before they look, so
 * neither those nor any other control character are in one.
 */
export const LocalPath = z
  .string()
  .max(500)
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/, 'is not a path of the portal')
  .refine((path) => URL.parse(path, 'https://portal.invalid')?.origin === 'https://portal.invalid', 'is not a path of the portal')
