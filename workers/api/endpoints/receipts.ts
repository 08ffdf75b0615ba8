import { listStatementMonths } from '#db/queries/statements/list-months.ts'
import { receiptOperations as operations } from '#shared/contracts/api/receipts.ts'
import { endpoint } from '../endpoint.ts'
import { publishedKeysMs } from '../limits.ts'
import { publicReceiptKeys } from '../signing/receipt-keys.ts'
import { issueReceipt } from '../statements/issue-receipt.ts'
import { isFinished } from '../statements/months.ts'
import verifier from '../statements/verify-statement.mjs?raw'
import { statementAnswer } from '../statements/write-statement.ts'

export const receiptEndpoints = [
  endpoint(operations.keys, async ({ surroundings }) => {
    const keys = await publicReceiptKeys(surroundings)
    // The first key signs at once, so that it may not be hidden by an earlier answer without any.
    const cacheControl = keys.length === 0 ? 'no-store' : `public, max-age=${publishedKeysMs / 1_000}`
    return new Response(JSON.stringify({ keys }), {
      headers: { 'content-type': 'application/jwk-set+json', 'cache-control': cacheControl },
    })
  }),
  endpoint(operations.read, async ({ surroundings, scope, params }) => {
    const receipt = await issueReceipt(surroundings, scope.organizationId, params.requestId)
    return new Response(receipt, { headers: { 'content-type': 'application/jose' } })
  }),
  endpoint(operations.listStatements, async ({ surroundings, scope }) => {
    const nowMs = Date.now()
    const months = await listStatementMonths(surroundings.db, scope.organizationId)
    return { data: months.map((month) => ({ month, finished: isFinished(month, nowMs) })) }
  }),
  endpoint(operations.readStatement, ({ surroundings, scope, params }) =>
    statementAnswer(surroundings, scope.organizationId, params.month),
  ),
  endpoint(
    operations.verifier,
    async () =>
      new Response(verifier, {
        headers: {
          'content-type': 'text/javascript; charset=utf-8',
          'content-disposition': 'attachment; filename="verify-statement.mjs"',
          'cache-control': 'public, max-age=300',
        },
      }),
  ),
]
