import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { relayMedia } from './media-answer.ts'

/** Node has no transform of the platform's; one without a job is the same. */
beforeAll(() => void vi.stubGlobal('IdentityTransformStream', TransformStream))
afterAll(() => void vi.unstubAllGlobals())

/** An upstream that sends these pieces, and then ends, breaks or says no more. */
function upstream(pieces: string[], then: 'ends' | 'breaks' | 'stalls' = 'ends', type = 'audio/mpeg') {
  const left = [...pieces]
  const cancelled = vi.fn()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = left.shift()
      if (piece !== undefined) return controller.enqueue(new TextEncoder().encode(piece))
      if (then === 'ends') controller.close()
      if (then === 'breaks') controller.error(new Error('cut'))
      return then === 'stalls' ? new Promise<void>(() => undefined) : undefined
    },
    cancel: cancelled,
  })
  const cancel = vi.fn()
  return { answer: { response: new Response(body, { headers: { 'content-type': type } }), trace: undefined, cancel }, cancel, cancelled }
}

describe('an answer of media', () => {
  test.each(['audio/mpeg', 'audio/x-wav', 'image/svg+xml', 'audio/ogg; codecs=opus', 'application/octet-stream'])(
    'of type %s reaches the client whole',
    async (type) => {
      const { readable, contentType, ended } = await relayMedia(upstream(['one ', 'two ', 'three'], 'ends', type).answer)
      expect(await new Response(readable).text()).toBe('one two three')
      expect([contentType, await ended]).toEqual([type, 'completed'])
    },
  )

  test.each([
    ['has nothing in it', [], 'ends', 'audio/mpeg'],
    ['breaks before it begins', [], 'breaks', 'audio/mpeg'],
    ['is a page', ['<html>'], 'ends', 'text/html'],
    ['is an error', ['{}'], 'ends', 'application/json'],
    ['does not say what it is', ['x'], 'ends', ''],
  ] as const)('that %s is none, and is cut', async (_, pieces, then, type) => {
    const { answer, cancel } = upstream([...pieces], then, type)
    await expect(relayMedia(answer)).rejects.toMatchObject({ told: { code: 'upstream_error' }, facts: { mayMoveOn: false } })
    expect(cancel).toHaveBeenCalledOnce()
  })

  test('that breaks does not look as if it had ended', async () => {
    const { readable, ended } = await relayMedia(upstream(['one ', 'two'], 'breaks').answer)
    await expect(new Response(readable).text()).rejects.toThrow()
    expect(await ended).toBe('broken')
  })

  test('is cut when the client leaves', async () => {
    for (const reads of [0, 1]) {
      const { answer, cancelled } = upstream(['one', 'two', 'three', 'four'], 'stalls')
      const { readable, ended } = await relayMedia(answer)
      const reader = readable.getReader()
      for (let read = 0; read < reads; read += 1) await reader.read()
      await reader.cancel()
      expect(await ended).toBe('client_left')
      expect(cancelled).toHaveBeenCalledOnce()
    }
  })

  test('tells how long the upstream is silent, but not while the client takes its time', async () => {
    vi.useFakeTimers()
    const { readable, silentMs } = await relayMedia(upstream(['one', 'two'], 'stalls').answer)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(silentMs()).toBe(0)
    const reader = readable.getReader()
    await reader.read()
    await reader.read()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(silentMs()).toBe(60_000)
    vi.useRealTimers()
  })
})
