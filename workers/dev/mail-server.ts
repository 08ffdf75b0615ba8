import { nodeTransact, openNodeDb } from '#db/node-client.ts'
import { readMailSettings } from '#db/queries/mail/read-mail-settings.ts'
import { setMailSettings } from '#workers/services/mail/set-settings.ts'
import { type KekSettings, keyRingWhenAsked } from '#workers/services/secrets/settings.ts'
import { localHost } from './ports.ts'
import { mailUser } from './stand-ins.ts'

/** Makes the platform send by the stack's own mail server, unless somebody has set another than this machine's. May be called on every start. */
export async function storeMailServer(databaseUrl: string, port: number, password: string, keks: KekSettings): Promise<void> {
  const { db, close } = openNodeDb(databaseUrl, 1)
  try {
    const stored = await readMailSettings(db)
    if (stored && (stored.settings.host !== localHost || stored.settings.port === port)) return
    const actor = { type: 'system', id: 'local-stack', ip: null, requestId: null } as const
    const platform = { db, transact: nodeTransact(db), actor, keyRing: keyRingWhenAsked(keks) }
    const from = { address: 'relay@relay.example.com', name: 'Rocket Relay' }
    await setMailSettings(platform, { host: localHost, port, security: 'none', user: mailUser, password, from, allowPlaintext: false })
  } finally {
    await close()
  }
}
