import { createEmulator } from 'emulate'
import { findFreePorts, localHost } from '../ports.ts'
import { createOauthFront } from './front.ts'
import { githubDialect, githubSeed } from './github.ts'
import { googleDialect, googleSeed } from './google.ts'
import type { Somebody } from './people.ts'

export type OauthProviderOptions = {
  service: 'github' | 'google'
  port: number
  people: Somebody[]
  application: { clientId: string; clientSecret: string }
  /** Where the application takes browsers back. */
  redirectUri: string
}

/** Stands in for GitHub or Google, as far as somebody signs in there. The caller ends it. */
export async function startOauthProvider(options: OauthProviderOptions): Promise<{ url: string; end: () => Promise<void> }> {
  const { service, port, people, application, redirectUri } = options
  const [behind = 0] = await findFreePorts(1)
  const url = `http://${localHost}:${port}`
  const seed = service === 'github' ? githubSeed(people, application, redirectUri) : googleSeed(people, application, redirectUri)
  const emulator = await createEmulator({ service, port: behind, baseUrl: url, seed })
  const dialect = service === 'github' ? githubDialect(people) : await googleDialect()
  const front = createOauthFront(`http://${localHost}:${behind}`, dialect)
  await new Promise<void>((resolve) => front.listen(port, localHost, resolve))
  const end = async () => {
    front.close()
    front.closeAllConnections()
    await emulator.close()
  }
  return { url, end }
}
