import { Problem } from '#workers/edge/problem.ts'
import { isCommonPassword } from './common-passwords.ts'

/** A local part shorter than this is found in good passwords too. */
const shortestLocalPart = 4

/** Refuses a password that whoever attacks this account tries first; `pointer` is where in the body it was given. */
export function refuseWeakPassword(password: string, email: string, pointer: string): void {
  const detail = weaknessOf(password, email)
  if (detail !== null) throw new Problem('invalid_request', `${pointer}: ${detail}`, [{ pointer, detail }])
}

function weaknessOf(password: string, email: string): string | null {
  const localPart = email.slice(0, email.lastIndexOf('@')).toLowerCase()
  if (localPart.length >= shortestLocalPart && password.toLowerCase().includes(localPart)) return 'contains the name in the e-mail address'
  return isCommonPassword(password) ? 'is too common, and would be guessed' : null
}
