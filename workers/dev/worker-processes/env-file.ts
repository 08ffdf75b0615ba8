/**
 * Variables in the format dotenv reads. Single quotes keep a value as it is, JSON included; the reader knows no
 * way to write a single quote or a line break inside them, so such a value is refused.
 */
export function formatEnvFile(vars: Record<string, string>): string {
  const lines = Object.entries(vars).map(([name, value]) => {
    if (/['\r\n]/.test(value)) throw new Error(`The variable ${name} holds a quote or a line break, which an env file cannot carry.`)
    return `${name}='${value}'\n`
  })
  return lines.join('')
}
