import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The path of the package as it would be published. */
    tarball: string
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Packs the built package once for the whole run. */
export default async (project: TestProject): Promise<() => void> => {
  const folder = mkdtempSync(join(tmpdir(), 'rx-service-group-tarball-'))
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    { cwd: root, maxBuffer: 32 * 2 ** 20 },
  )
  // A list of one in npm 11, an object by package name in later versions.
  const [packed] = Object.values(JSON.parse(stdout)) as { readonly filename: string }[]
  project.provide('tarball', join(folder, packed!.filename))
  return () => rmSync(folder, { recursive: true, force: true })
}
