/** Waits at most `timeoutMs` for work that cannot be cancelled; rejects with a TimeoutError afterwards. */
export async function withinMs<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('nothing answered in time', 'TimeoutError')), timeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
