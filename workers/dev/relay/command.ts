import { runRelay } from './run.ts'

process.exitCode = await runRelay(process.argv.slice(2), {
  env: process.env,
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
})
