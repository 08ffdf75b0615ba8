import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findOnPath } from '../find-on-path.ts'

const run = promisify(execFile)

/** Chromium for the tests that look at pages: from PATH, or Debian's package, which is installed when this may be done. */
export async function findChromium(): Promise<string> {
  const present = findPresent()
  if (present) return present
  if (process.getuid?.() !== 0 || !findOnPath('apt-get'))
    throw new Error('Chromium is not installed. Install the package "chromium" (or Google Chrome) with your package manager.')
  await run('apt-get', ['update'])
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation'])
  const installed = findPresent()
  if (!installed) throw new Error('Debian\'s package "chromium" was installed, and there is no chromium on the path.')
  return installed
}

function findPresent(): string | undefined {
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(findOnPath).find((file) => file !== undefined)
}
