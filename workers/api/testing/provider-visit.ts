import { assert } from '#shared/values/assert.ts'

/** What a browser does at a stand-in's page: looks for the person and clicks. Answers where the provider sends it, with code and state. */
export async function visitProvider(location: string, email: string): Promise<URL> {
  const page = await (await fetch(location)).text()
  const form = page.split('<form').find((each) => each.includes(`${email}<`))
  assert(form, `the provider knows ${email}`)
  const fields = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, decode(value)])
  const action = /action="([^"]*)"/.exec(form)?.[1] ?? ''
  const answer = await fetch(new URL(action, location), { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
  const back = answer.headers.get('location')
  assert(back !== null, 'the provider sends the browser back')
  return new URL(back)
}

function decode(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
