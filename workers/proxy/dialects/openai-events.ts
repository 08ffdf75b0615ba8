/** What ends a broken stream of images or audio: their events carry an error as OpenAI's clients look for it. */
export function brokenEvent(message: string): { name: string; data: string } {
  return {
    name: 'error',
    data: JSON.stringify({ type: 'error', error: { message, type: 'api_error', param: null, code: 'upstream_broken' } }),
  }
}
