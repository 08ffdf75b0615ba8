import { importCatalogue } from '#db/queries/import-catalogue.ts'
import { readCatalogueState } from '#db/queries/read-catalogue-state.ts'
import type { Absurdity, CatalogueImportAnswer, NewCatalogueImport } from '#shared/contracts/catalogue-import.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'
import { absurditiesOf } from './absurd.ts'
import { compareCatalogue } from './compare.ts'

export type ImportOutcome =
  | CatalogueImportAnswer
  | { outcome: 'refused'; reason: 'absurd'; absurd: Absurdity[] }
  /** Another import came in between, and nothing was written. */
  | { outcome: 'refused'; reason: 'overtaken' }

/** Brings the catalogue to what a file says, all or nothing; a dry run only tells the difference. */
export async function importCatalogueFile(
  platform: Pick<Platform, 'db' | 'transact' | 'actor'>,
  request: NewCatalogueImport,
): Promise<ImportOutcome> {
  const state = await readCatalogueState(platform.db)
  const { writes, changes, prices } = compareCatalogue(state, request.catalogue)
  const absurd = absurditiesOf(state, request.catalogue, { writes, changes, prices })
  if (request.dryRun) return { outcome: 'dry_run', changes, prices, absurd }
  if (changes.length + writes.prices.length === 0) return { outcome: 'unchanged', changes, prices, absurd }
  if (absurd.length > 0 && !request.force) return { outcome: 'refused', reason: 'absurd', absurd }
  const forced = absurd.length > 0
  const outcome = await platform.transact(async (tx) => {
    const imported = await importCatalogue(tx, { ...writes, forced, actor: platform.actor.id, lastImportId: state.lastImportId })
    if (imported === 'imported') {
      const target = { type: 'catalogue_import', id: String(state.lastImportId + 1) }
      const after = { forced, changes: changes.length, prices: writes.prices.length }
      await recordChange(tx, platform.actor, { chain: 'platform', action: 'catalogue.imported', target, after })
    }
    return imported
  })
  return outcome === 'imported' ? { outcome: 'applied', changes, prices, absurd } : { outcome: 'refused', reason: 'overtaken' }
}
