import { Hono } from 'hono'
import { NewSecretRotation, SecretRotation, SecretStatus } from '#shared/contracts/secret-rotation.ts'
import { body } from '#workers/edge/parse.ts'
import { rotateSecrets } from '#workers/services/secrets/rotate.ts'
import { readSecretStatus } from '#workers/services/secrets/status.ts'
import type { AdminContext } from '../env.ts'
import { maxBodyBytes, rotationPageMs, secretsPerPage } from '../limits.ts'

/** Which keys wrap the stored secrets, and bringing them under the current one, a page at a time. */
export const secretRoutes = new Hono<AdminContext>()
  .get('/', async (c) => {
    const { db, keyRing } = c.var.surroundings
    return c.json(SecretStatus.parse(await readSecretStatus(db, keyRing())))
  })
  .post('/rotations', body(NewSecretRotation, maxBodyBytes), async (c) => {
    const { db, keyRing } = c.var.surroundings
    const page = { after: c.var.body.after, limit: secretsPerPage, budgetMs: rotationPageMs }
    return c.json(SecretRotation.parse(await rotateSecrets(db, keyRing(), page)))
  })
