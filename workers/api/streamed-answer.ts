/**
 * An answer that is written as the client takes it, so that never more than two chunks are in memory. The first is made before the answer begins, and what is
 * wrong with it is an ordinary error; what fails later breaks the transfer off.
 */
export async function streamedAnswer(chunks: AsyncGenerator<Uint8Array>, headers: Record<string, string>): Promise<Response> {
  const first = await chunks.next()
  let isFirst = true
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = isFirst ? first : await chunks.next()
      isFirst = false
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await chunks.return(undefined)
    },
  })
  return new Response(body, { headers })
}
