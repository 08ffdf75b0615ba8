import { DisplayName } from '#shared/values/display-name.ts'

/** The first of the names that a provider tells that may be one here. */
export function displayNameOf(...names: (string | null | undefined)[]): string {
  for (const name of names) {
    const { data } = DisplayName.safeParse(name)
    if (data !== undefined) return data
  }
  return 'New user'
}
