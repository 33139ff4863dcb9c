import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Writes scripts for threads and processes to run; they are gone after the test file. */
export const scripts = (): ((code: string, extension?: string) => string) => {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'scripts-'))
  // So that a script can import what a user's can.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/rx-service-group'))
  let count = 0
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (code, extension = 'mjs') => {
    const file = join(folder, `${++count}.${extension}`)
    writeFileSync(file, code)
    return file
  }
}
