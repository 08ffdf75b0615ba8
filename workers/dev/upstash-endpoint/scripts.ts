import { createHash } from 'node:crypto'

type Command = [name: string, ...parameters: string[]]

/**
 * Upstash accepts flags in a script's first line that Redis 7 refuses. The line is dropped here, which changes the
 * script's SHA, so the SHA a client computes is mapped to the one Redis knows.
 */
export class ScriptShebangs {
  readonly #knownShas = new Map<string, string>()

  rewrite(command: Command): Command {
    const [name, script, ...rest] = command
    if (script === undefined) return command
    const verb = name.toLowerCase()
    if (verb === 'eval' || verb === 'eval_ro') return [name, this.#strip(script), ...rest]
    if (verb === 'evalsha' || verb === 'evalsha_ro') return [name, this.#knownShas.get(script.toLowerCase()) ?? script, ...rest]
    if (verb === 'script' && script.toLowerCase() === 'load' && rest[0] !== undefined) return [name, script, this.#strip(rest[0])]
    return command
  }

  #strip(script: string): string {
    const stripped = script.replace(/^\s*#!lua[^\n]*\n?/, '')
    if (stripped !== script) this.#knownShas.set(sha1(script), sha1(stripped))
    return stripped
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
