import { z } from 'zod'
import { ask, type Told } from './ask.ts'
import { catalogueBytes, catalogueTimeoutMs } from './limits.ts'

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) })

/** The models that a CLIProxyAPI says it serves at the moment. */
export async function readModels(baseUrl: string, key: string | undefined): Promise<Told<ReadonlySet<string>>> {
  const told = await ask({ url: `${baseUrl}/v1/models`, key, answer: ModelList, timeoutMs: catalogueTimeoutMs, maxBytes: catalogueBytes })
  return told.fault ? told : { answer: new Set(told.answer.data.map(({ id }) => id)), fault: null }
}
