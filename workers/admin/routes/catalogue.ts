import { Hono } from 'hono'
import { CatalogueImportAnswer, NewCatalogueImport } from '#shared/contracts/catalogue-import.ts'
import { body } from '#workers/edge/parse.ts'
import { Problem } from '#workers/edge/problem.ts'
import { type ImportOutcome, importCatalogueFile } from '#workers/services/catalogue/import.ts'
import type { AdminContext } from '../env.ts'
import { maxCatalogueBytes } from '../limits.ts'
import { platformOf } from '../platform.ts'

export const catalogueRoutes = new Hono<AdminContext>().post('/imports', body(NewCatalogueImport, maxCatalogueBytes), async (c) =>
  c.json(CatalogueImportAnswer.parse(answerOf(await importCatalogueFile(platformOf(c), c.var.body), c.var.body))),
)

function answerOf(outcome: ImportOutcome, { catalogue }: NewCatalogueImport): CatalogueImportAnswer {
  if (outcome.outcome !== 'refused') return outcome
  if (outcome.reason === 'overtaken')
    throw new Problem('conflict', 'Another import came in between; nothing was changed. Look, and try again.')
  const fields = outcome.absurd.map(({ modelId, detail }) => {
    const at = catalogue.models.findIndex(({ id }) => id === modelId)
    return { pointer: at < 0 ? '#/catalogue/models' : `#/catalogue/models/${at}`, detail }
  })
  throw new Problem(
    'conflict',
    `${fields.length} changes look absurd, and nothing was changed. Force the import if they are meant.`,
    fields,
  )
}
