import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Redis from 'ioredis'
import { expect, inject } from 'vitest'
import { rowsThatHold } from './books.ts'
import { canary } from './conversation.ts'

/**
 * Searches every table, every file of the Workers (objects, queues), every log and all of Redis for texts that must be nowhere: the canary
 * of all prompts, and what is given besides.
 */
export async function expectNothingKept(texts: string[] = []): Promise<void> {
  const { directory } = inject('stack')
  const forbidden = [canary, ...texts]
  for (const text of forbidden) expect(await rowsThatHold(text), `tables that hold ${text}`).toEqual([])
  const files = [join(directory, 'logs'), join(directory, 'workers')].flatMap(filesBelow)
  expect(files.length).toBeGreaterThan(10)
  const found = files.flatMap((file) => textsIn(file, forbidden))
  expect(found, 'files that hold what they must not').toEqual([])
  expect(await redisKeysThatHold(forbidden), 'Redis keys').toEqual([])
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
}

function textsIn(file: string, texts: string[]): string[] {
  const content = contentOf(file)
  return texts.filter((text) => content.includes(text)).map((text) => `${file}: ${text}`)
}

/** A file that went between the listing and now, as SQLite's do, keeps nothing. */
function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

async function redisKeysThatHold(texts: string[]): Promise<string[]> {
  const redis = new Redis(inject('stack').redisUrl, { lazyConnect: true })
  await redis.connect()
  try {
    const keys = await redis.keys('*')
    const found: string[] = []
    for (const key of keys) {
      const value = Buffer.concat([Buffer.from(key), (await redis.dumpBuffer(key)) ?? Buffer.alloc(0)])
      if (texts.some((text) => value.includes(text))) found.push(key)
    }
    return found
  } finally {
    redis.disconnect()
  }
}
