import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { statementType } from '#shared/contracts/statement.ts'

const program = fileURLToPath(new URL('../verify-statement.mjs', import.meta.url))

export interface Verdict {
  /** Of the process: 0 when it found the statement whole. */
  code: number
  output: string
  errors: string
}

/** What the program that is shipped says of a statement, run as a customer runs it. `keys` is the text of a JWKS. */
export async function verify(statement: string, keys: string): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-statement-'))
  const [file, keyFile] = [join(folder, 'statement.ndjson'), join(folder, 'jwks.json')]
  await Promise.all([writeFile(file, statement), writeFile(keyFile, keys)])
  const verdict = await new Promise<Verdict>((resolve) => {
    execFile(process.execPath, [program, file, keyFile], (error, output, errors) => {
      resolve({ code: error ? Number(error.code) : 0, output, errors })
    })
  })
  await rm(folder, { recursive: true })
  return verdict
}

/** A statement of these lines that is signed as it should be, and adds up, whatever stands in the lines; by a key of its own. */
export async function sealedFile(lines: object[], sumNanos: number): Promise<{ file: string; keys: string }> {
  const month = '2026-02'
  const head = { type: 'statement', from: '2026-02-01T00:00:00.000Z', to: '2026-03-01T00:00:00.000Z', month, openingNanos: 0 }
  const text = [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('')
  const sums = { openingNanos: 0, closingNanos: sumNanos }
  const seal = { month, finished: true, lines: lines.length + 1, sha256: createHash('sha256').update(text).digest('hex'), ...sums }
  const { publicKey, privateKey } = await generateKeyPair('EdDSA')
  const header = { alg: 'EdDSA', kid: 'test', typ: statementType }
  const signed = await new CompactSign(new TextEncoder().encode(JSON.stringify(seal))).setProtectedHeader(header).sign(privateKey)
  return { file: `${text}${signed}\n`, keys: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'EdDSA' }] }) }
}
