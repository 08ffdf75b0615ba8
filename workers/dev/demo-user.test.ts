import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOrganization } from '#db/queries/create-organization.ts'
import { memberships, users } from '#db/schema/index.ts'
import { startTestDatabase, type TestDatabase } from '#db/testing/database.ts'
import { hashPassword, verifyPassword } from '#workers/api/identity/passwords.ts'
import { seedDemoUser } from './demo-user.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await startTestDatabase()
})
afterAll(() => database.stop())

test('the demo organization has an owner who can sign in, under a password that is kept while it works', async () => {
  await createOrganization(database.db, { organizationId: 'org_demo', name: 'Demo' })
  const seedUser = (earlier?: string) => seedDemoUser(database.databaseUrl, 'org_demo', earlier)
  const first = await seedUser()
  const [user] = await database.db.select().from(users).where(eq(users.email, first.email))
  expect(user).toMatchObject({ emailVerifiedAt: expect.any(Date), currentOrganizationId: 'org_demo' })
  expect(await verifyPassword(first.password, user?.passwordHash ?? null)).toBe(true)
  expect(await database.db.select().from(memberships)).toMatchObject([{ userId: user?.id, role: 'owner' }])

  expect(await seedUser(first.password)).toEqual(first)
  await database.db.update(users).set({ passwordHash: await hashPassword('changed by its owner') })
  const second = await seedUser(first.password)
  expect(second.password).not.toBe(first.password)
  const [again] = await database.db.select().from(users)
  expect(await verifyPassword(second.password, again?.passwordHash ?? null)).toBe(true)
})
