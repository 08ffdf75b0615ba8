// Verifies a statement offline: that it was signed as it is, that each request costs what its usage and price make, and that all adds up.
// npm install jose && node verify-statement.mjs <statement.ndjson> <file or URL of the published keys, /api/jwks.json>
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { compactVerify, createLocalJWKSet, createRemoteJWKSet } from 'jose'

const [file, keys = ''] = process.argv.slice(2)
const keySet = /^https?:/.test(keys) ? createRemoteJWKSet(new URL(keys)) : createLocalJWKSet(JSON.parse(readFileSync(keys, 'utf8')))
const pieces = {
  images: ['imageNanos', 1000n],
  webSearches: ['webSearchNanos', 1000n],
  audioMs: ['secondNanos', 1n],
  characters: ['characterPicos', 1n],
}
const [hash, prices] = [createHash('sha256'), new Map()]
let [number, head, seal, lastId, credits, debits, costs] = [0, null, null, 0, 0n, 0n, 0n]

/** Nano-dollars: the pico-dollars of all that was used, divided once and rounded up. Audio and images without a price of their own cost what text does. */
function costOf(usage, { units = {}, ...price }) {
  const input = Object.keys(usage).reduce((sum, name) => sum + (/^(input|cache)/.test(name) ? usage[name] : 0), 0)
  const rate = units.longContext && input > units.longContext.aboveInputTokens ? units.longContext : price
  let picos = Object.values(usage).some((count) => count > 0) ? BigInt(units.requestNanos ?? 0) * 1000n : 0n
  for (const [name, count] of Object.entries(usage)) {
    const [piece, scale] = pieces[name] ?? []
    const own = name.replace('Tokens', 'Picos')
    if (piece) picos += BigInt(count) * BigInt(units[piece] ?? 0) * scale
    else if (name !== 'reasoningTokens')
      picos += BigInt(count) * BigInt(rate[own] ?? units[own] ?? rate[own.startsWith('input') ? 'inputPicos' : 'outputPicos'])
  }
  return (picos + 999n) / 1000n
}

function checkEntry({ type, entryId, at, kind, amountNanos, request, adjusted, settledNanos = 0 }) {
  assert(type === 'entry' && entryId > lastId && at >= head.from && at < head.to, 'not an entry of this month in its place')
  assert(request || adjusted || !/^(settlement|adjustment)$/.test(kind), 'charged without a record of what was used')
  lastId = entryId
  if (amountNanos < 0) debits += BigInt(amountNanos)
  else credits += BigInt(amountNanos)
  if (!request) return
  assert(prices.has(request.priceVersionId), `the price ${request.priceVersionId} is not told before`)
  const [cost, due] = [BigInt(request.costNanos), costOf(request.usage, prices.get(request.priceVersionId))]
  assert(cost === due || (request.capped && cost < due), `is said to cost ${cost}, and costs ${due} by its usage and price`)
  assert(settledNanos === null || BigInt(settledNanos) + BigInt(amountNanos) === -cost, `costs ${cost}, and is charged otherwise`)
  costs += cost
}

try {
  for await (const line of (await open(file)).readLines({ encoding: 'latin1' })) {
    number += 1
    assert(!seal, 'something follows the signature')
    if (line.startsWith('{')) {
      hash.update(`${line}\n`, 'latin1')
      const told = JSON.parse(Buffer.from(line, 'latin1').toString())
      if (!head) head = told
      else if (told.type === 'price') prices.set(told.priceVersionId, told.price)
      else checkEntry(told)
    } else {
      const { payload, protectedHeader } = await compactVerify(line, keySet, { algorithms: ['EdDSA'] })
      assert(protectedHeader.typ === 'statement+jws', 'signed as something else')
      seal = JSON.parse(Buffer.from(payload).toString())
    }
  }
  assert(seal, 'cut off before the signature')
  assert(seal.lines === number - 1 && seal.sha256 === hash.digest('hex'), 'the lines before are not those that were signed')
  assert(
    seal.openingNanos === head.openingNanos && BigInt(seal.openingNanos) + credits + debits === BigInt(seal.closingNanos),
    'does not add up',
  )
  console.log(`${seal.sub} ${seal.month}${seal.finished ? '' : ' (so far)'}, signed by ${seal.iss}: ${number - 1} lines, whole`)
  console.log(
    `nano-dollars: opening ${seal.openingNanos}, credits ${credits}, debits ${debits}, closing ${seal.closingNanos}; requests cost ${costs}`,
  )
} catch (error) {
  console.error(`line ${number}: ${error.message}`)
  process.exitCode = 1
}
