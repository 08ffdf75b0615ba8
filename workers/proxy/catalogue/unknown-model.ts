import { ApiError, messageOf } from '#workers/edge/api-error.ts'
import type { Models } from './catalogue.ts'

/** 404 for a model that nobody sells, with the names of those that resemble it. The name itself is not repeated: it is the client's. */
export function unknownModel(name: string, models: Models): ApiError {
  const near = models.near(name)
  const hint = near.length === 0 ? '' : ` Did you mean ${near.map((id) => `'${id}'`).join(' or ')}?`
  return new ApiError('model_not_found', { param: 'model', message: `${messageOf('model_not_found')}${hint}` })
}
