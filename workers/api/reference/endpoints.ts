import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { ReferenceFile } from '#shared/contracts/api/parameters.ts'
import { referenceOperations } from '#shared/contracts/api/reference.ts'
import { type Endpoint, endpoint } from '../endpoint.ts'
import { openApiDocument } from './openapi.ts'
import { page, pageFiles, pagePolicy } from './page.ts'

/** The description of these operations and of its own, for programs and for people. */
export function referenceEndpoints(operations: readonly ApiOperation[]): readonly Endpoint[] {
  let text: string | undefined
  // Made when it is first asked for: most isolates never are.
  const document = () => {
    text ??= JSON.stringify(openApiDocument([...operations, ...Object.values(referenceOperations)]))
    return text
  }
  return [
    endpoint(referenceOperations.document, async () => kept(document(), 'application/json; charset=utf-8')),
    endpoint(referenceOperations.page, async () => kept(page, 'text/html; charset=utf-8', { 'content-security-policy': pagePolicy })),
    endpoint(referenceOperations.file, async ({ params }) => {
      const { text: file, type } = pageFiles[ReferenceFile.parse(params.referenceFile)]
      return kept(file, type)
    }),
  ]
}

/** What is the same for everybody until the next deployment. */
function kept(text: string, type: string, more: Record<string, string> = {}): Response {
  return new Response(text, { headers: { 'content-type': type, 'cache-control': 'public, max-age=300', ...more } })
}
