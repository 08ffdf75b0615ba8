import type { Dialect, Reading } from '../dialects/dialect.ts'
import { memberText, setMembers } from '../dialects/json-members.ts'
import { parseData, type StreamForm } from '../dialects/stream-form.ts'
import type { Rewrite } from './stream-answer.ts'
import type { StreamMeter } from './stream-meter.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** An answer with `cost_usd` beside its usage; as it is when it reports none. */
export function withCost(bytes: Uint8Array, dialect: Pick<Dialect, 'usagePaths'>, costUsd: string): Uint8Array {
  const text = decoder.decode(bytes)
  const changed = textWithCost(text, dialect, costUsd)
  return changed === null ? bytes : encoder.encode(changed)
}

/** Rewrites the parts of a stream: leaves out what the client must not see, and sets the cost beside the usage of those that report any. */
export function costRewrite(
  dialect: Pick<Dialect, 'usagePaths'>,
  form: StreamForm,
  hides: ((data: string) => boolean) | null,
  costUsdOf: ((reading: Reading) => string) | null,
): (meter: StreamMeter) => Rewrite {
  return (meter) => (part) => {
    const data = form.dataOf(part)
    if (data === null) return part
    if (hides?.(data)) return null
    if (!costUsdOf || typeof parseData(data) !== 'object') return part
    const changed = textWithCost(data, dialect, () => costUsdOf(meter.progress()))
    return changed === null ? part : encoder.encode(form.replaceData(part, changed))
  }
}

/** The text of a JSON object with the cost set where its usage stands; null when there is no usage in it. */
function textWithCost(text: string, { usagePaths }: Pick<Dialect, 'usagePaths'>, costUsd: string | (() => string)): string | null {
  for (const path of usagePaths) {
    const usage = path.reduce<string | null>((object, key) => (object === null ? null : objectMember(object, key)), text)
    if (usage === null) continue
    const cost = JSON.stringify(typeof costUsd === 'string' ? costUsd : costUsd())
    return setAt(text, path, setMembers(usage, new Map([['cost_usd', cost]])))
  }
  return null
}

function objectMember(text: string, key: string): string | null {
  const member = memberText(text, key)?.trim()
  return member?.startsWith('{') ? member : null
}

function setAt(text: string, [key = '', ...rest]: readonly string[], value: string): string {
  const inner = rest.length === 0 ? value : setAt(memberText(text, key) ?? '{}', rest, value)
  return setMembers(text, new Map([[key, inner]]))
}
