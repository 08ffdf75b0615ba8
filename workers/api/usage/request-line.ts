import type { LogLine } from '#db/queries/usage/list-requests.ts'
import type { RequestLine } from '#shared/contracts/api/requests.ts'
import type { Scope } from '../caller/caller.ts'

/** A line of the log as a caller may see it; `redacted` has neither key, credential, address nor client. */
export function lineOf(line: LogLine, grant: Scope['grant']): RequestLine {
  const { createdAtMs, keyId, credentialId, clientIp, userAgent, ...open } = line
  return {
    ...open,
    createdAt: new Date(createdAtMs).toISOString(),
    byok: credentialId !== null,
    ...(grant !== 'redacted' && { keyId, credentialId, clientIp, userAgent }),
  }
}
