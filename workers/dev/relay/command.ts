import { text } from 'node:stream/consumers'
import { runRelay } from './run.ts'

process.exitCode = await runRelay(process.argv.slice(2), {
  env: process.env,
  print: (line) => void process.stdout.write(line),
  complain: (line) => void process.stderr.write(line),
  readInput: () => text(process.stdin),
})
