import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'
import { statementType } from '#shared/contracts/statement.ts'

const program = fileURLToPath(new URL('../verify-statement.mjs', import.meta.url).href)

/** A statement, and the text of the JWKS to verify it by. */
export interface Sealed {
  file: string
  keys: string
}

export interface Verdict {
  /** Of the process: 0 when it found the statement whole. */
  code: number
  output: string
  errors: string
}

/** What the program that is shipped says of a statement, run as a customer runs it. */
export function verify(sealed: Sealed): Promise<Verdict> {
  return withFiles([sealed], ([file = '', keys = '']) => run([program, file, keys]))
}

/** As verify, of many statements by one process, which begins the program anew for each. */
export function verifyEach(sealed: Sealed[]): Promise<Verdict[]> {
  return withFiles(sealed, async (paths) => {
    const { output } = await run(['--input-type=module', '--eval', runEach, program, ...paths])
    return z.array(Verdict).parse(JSON.parse(output))
  })
}

const Verdict = z.object({ code: z.int(), output: z.string(), errors: z.string() })

const runEach = `
  const [node, program, ...paths] = process.argv
  const verdicts = []
  while (paths.length > 0) {
    const verdict = { code: 0, output: '', errors: '' }
    console.log = (line) => { verdict.output += line }
    console.error = (line) => { verdict.errors += line }
    process.argv = [node, program, paths.shift(), paths.shift()]
    await import('file://' + program + '?' + paths.length)
    verdict.code = process.exitCode ?? 0
    process.exitCode = 0
    verdicts.push(verdict)
  }
  process.stdout.write(JSON.stringify(verdicts))
`

function run(parameters: string[]): Promise<Verdict> {
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, (error, output, errors) => resolve({ code: error ? Number(error.code) : 0, output, errors }))
  })
}

/** Paths of each statement and its keys in turn, which are gone afterwards. */
async function withFiles<Value>(sealed: Sealed[], work: (paths: string[]) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-statement-'))
  const texts = sealed.flatMap(({ file, keys }) => [file, keys])
  const paths = texts.map((_, n) => join(folder, String(n)))
  await Promise.all(paths.map((path, n) => writeFile(path, texts[n] ?? '')))
  return work(paths).finally(() => rm(folder, { recursive: true }))
}

/** A statement of these lines that is signed as it should be, and adds up, whatever stands in the lines; by a key of its own. */
export async function sealedFile(lines: object[], sumNanos: number): Promise<Sealed> {
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
