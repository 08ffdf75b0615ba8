import type { z } from 'zod'
import { isObject } from '../json-body.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** The first complaint about a body in Anthropic's words, such as `messages.0.content: Field required`. */
export function describeComplaint(issues: readonly Issue[], body: unknown): string {
  const [issue] = issues
  return issue ? describe(issue, [], body) : 'Invalid request'
}

function describe(issue: Issue, above: Path, body: unknown): string {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') return describeUnion(issue, path, body)
  if (issue.code === 'unrecognized_keys') return `${locate([...path, issue.keys[0] ?? ''], body)}: Extra inputs are not permitted`
  return `${locate(path, body)}: ${isAbsent(path, body) ? 'Field required' : explain(issue)}`
}

function explain(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Input should be a valid ${typeNames[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `Input should be ${listValues(issue.values)}`
    case 'too_small':
      return explainBound(issue.origin, 'at least', 'greater', issue.minimum)
    case 'too_big':
      return explainBound(issue.origin, 'at most', 'less', issue.maximum)
    case 'invalid_format':
      return issue.format === 'regex' ? `String should match pattern '${issue.pattern?.slice(1, -1)}'` : `Invalid ${issue.format} data`
    default:
      return issue.message
  }
}

// How pydantic, whose words these are, calls JSON's types.
const typeNames: Readonly<Record<string, string>> = { array: 'list', object: 'dictionary', record: 'dictionary', int: 'integer' }

function explainBound(origin: string, count: string, comparison: string, bound: number | bigint): string {
  if (origin === 'string') return `String should have ${count} ${bound} character${bound === 1 ? '' : 's'}`
  if (origin === 'array') return `List should have ${count} ${bound} item${bound === 1 ? '' : 's'} after validation`
  return `Input should be ${comparison} than or equal to ${bound}`
}

function describeUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, body: unknown): string {
  if ('discriminator' in issue && issue.discriminator !== undefined) {
    const tag = valueAt(path, body)
    if (tag === undefined) return `${locate(path, body)}: Field required`
    const tags = 'options' in issue && Array.isArray(issue.options) ? issue.options.filter((option) => typeof option === 'string') : []
    return `${locate(path.slice(0, -1), body)}: Input tag '${tag}' found using '${issue.discriminator}' does not match any of the expected tags: ${tags.map((name) => `'${name}'`).join(', ')}`
  }
  if (isAbsent(path, body)) return `${locate(path, body)}: Field required`
  // The branch that got furthest is the one that was meant.
  const inside = issue.errors.flat().find((inner) => inner.path.length > 0 || inner.code !== 'invalid_type') ?? issue.errors.at(-1)?.[0]
  return inside ? describe(inside, path, body) : `${locate(path, body)}: ${issue.message}`
}

function isAbsent(path: Path, body: unknown): boolean {
  return valueAt(path, body) === undefined
}

function valueAt(path: Path, body: unknown): unknown {
  let value = body
  for (const key of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return value
}

const taggedFields = new Set(['cache_control', 'thinking', 'tool_choice', 'source'])
const taggedLists = new Set(['content', 'tools'])

/** Joins a path with dots; behind a value that is one of several kinds stands its kind, as in `tools.0.custom.name`. */
function locate(path: Path, body: unknown): string {
  const names: string[] = []
  for (const [index, key] of path.entries()) {
    names.push(String(key))
    const isTagged = typeof key === 'number' ? taggedLists.has(String(path[index - 1])) : taggedFields.has(String(key))
    if (!isTagged || index === path.length - 1) continue
    const value = valueAt(path.slice(0, index + 1), body)
    const tag = isObject(value) ? (value.type ?? (path[index - 1] === 'tools' ? 'custom' : null)) : null
    if (typeof tag === 'string' && path[index + 1] !== 'type') names.push(tag)
  }
  return names.join('.')
}

function listValues(values: readonly unknown[]): string {
  const quoted = values.map((value) => `'${value}'`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}
