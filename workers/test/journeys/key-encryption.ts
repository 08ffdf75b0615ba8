import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { replaceFile } from '#workers/dev/replace-file.ts'
import { formatEnvFile } from '#workers/dev/worker-processes/env-file.ts'
import { copySealedKey } from './books.ts'
import { modelOf } from './catalogue.ts'
import { newCustomer } from './customers.ts'
import { restart } from './faults.ts'
import { askedWith, bring, keysAsked, letCreditPay, newOwnKey, refusalOf, removeKey } from './own-keys.ts'

/** Settings of a Worker that says which key wraps what is new; the stack of the journeys starts with the first. */
export const wrapsByLocal = (LOCAL_KEK_ID: 'local1' | 'local2') => ({ KMS_PROVIDER: 'local', LOCAL_KEK_ID })
export const wrapsByKms = (KMS_KEY_ID: string) => ({ KMS_PROVIDER: 'aws', KMS_KEY_ID })

/** Starts a Worker anew with these variables on top of those it has. */
export async function reconfigure(name: 'proxy' | 'admin', vars: Record<string, string>): Promise<void> {
  const file = join(inject('stack').directory, 'run', `${name}.env`)
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !(line.slice(0, line.indexOf('=')) in vars))
  replaceFile(file, `${kept.join('\n')}\n${formatEnvFile(vars)}`)
  await restart(name)
}

/** Asserts that a sealed key which was moved to another row, of its customer or of another, is refused and reaches nobody. */
export async function expectUnreadableElsewhere(): Promise<void> {
  const [victim, thief] = [await newCustomer({ creditNanos: 0 }), await newCustomer()]
  const [victimKey, otherKey, thiefKey] = [newOwnKey(), newOwnKey(), newOwnKey()]
  const victimId = await bring(victim, victimKey, '--models', modelOf('fast'))
  const otherId = await bring(victim, otherKey, '--models', modelOf('burst'))
  const thiefId = await bring(thief, thiefKey)
  await letCreditPay(thief)
  await copySealedKey(victimId, otherId)
  await copySealedKey(victimId, thiefId)
  const answers = [await thief.chat('fast'), await thief.chat('burst'), await victim.chat('burst')]
  const told = await Promise.all(answers.map(async (answer) => [await keysAsked(answer), await refusalOf(answer)]))
  expect(told).toEqual(answers.map(() => [[], [403, 'byok_unreadable']]))
  expect((await Promise.all([victimKey, otherKey, thiefKey].map(askedWith))).flat()).toEqual([])
  // Where it belongs it still works. What opens nowhere would be in the way of a rotation.
  expect((await victim.chat('fast')).status).toBe(200)
  await removeKey(victim, otherId)
  await removeKey(thief, thiefId)
}
