import { z } from 'zod'
import { StatementMonth } from '../statement.ts'
import { operation } from './operation.ts'

const root = '/api/organizations/:organizationId'

export const receiptOperations = {
  keys: operation({
    id: 'receipts.keys',
    method: 'GET',
    path: '/api/jwks.json',
    access: 'public',
    summary: 'The public keys of receipts and statements (JWKS)',
    description:
      'RFC 7517 and RFC 8037. It holds every key that ever signed a receipt or statement, so that all of them can be verified for good.',
    media: 'application/jwk-set+json',
  }),
  read: operation({
    id: 'receipts.read',
    method: 'GET',
    path: `${root}/requests/:requestId/receipt`,
    access: 'ledger.read',
    summary: 'The signed billing record of a request',
    description:
      'A compact JWS (RFC 7515, EdDSA) of the usage as it was reported, the unit prices, the cost and every ledger entry of the request, so that the cost can be ' +
      'recomputed. A bucket that was not reported is absent. Its keys are at `/api/jwks.json`.',
    media: 'application/jose',
  }),
  listStatements: operation({
    id: 'statements.list',
    method: 'GET',
    path: `${root}/statements`,
    access: 'ledger.read',
    summary: 'The months that have a statement, the newest first',
    description:
      'Those in which anything was booked. A month is finished an hour after its end: until then its statement is of what was booked so far.',
    answer: z.object({ data: z.array(StatementMonth) }),
  }),
  readStatement: operation({
    id: 'statements.read',
    method: 'GET',
    path: `${root}/statements/:month`,
    access: 'ledger.read',
    summary: 'Every ledger entry of a UTC month, signed',
    description:
      'Newline-delimited JSON: a head with the opening balance, each price before its first use, each entry in the order it was booked, and at last a compact ' +
      'JWS (EdDSA) over the SHA-256 of all that, the sums and the closing balance. `/api/statements/verify-statement.mjs` verifies and recomputes it offline. ' +
      'A file without the last line was cut off.',
    media: 'application/x-ndjson',
  }),
  verifier: operation({
    id: 'statements.verifier',
    method: 'GET',
    path: '/api/statements/verify-statement.mjs',
    access: 'public',
    summary: 'A program for Node that verifies a statement and recomputes its cost',
    media: 'text/javascript',
  }),
}
