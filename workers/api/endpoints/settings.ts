import { settingsOperations as operations } from '#shared/contracts/api/settings.ts'
import { endpoint } from '../endpoint.ts'
import { readSettings, replaceSettings } from '../organizations/settings.ts'

export const settingsEndpoints = [
  endpoint(operations.read, async ({ c, surroundings, scope }) => {
    const { settings, etag } = await readSettings(surroundings.db, scope.organizationId)
    c.header('etag', etag)
    return settings
  }),
  endpoint(operations.replace, async ({ c, platform, scope, body }) => {
    const { settings, etag } = await replaceSettings(platform, scope, { wanted: body, ifMatch: c.req.header('if-match') })
    c.header('etag', etag)
    return settings
  }),
]
