import { expect } from 'vitest'
import { type Child, startProgram } from '../support/child.ts'

/** Runs a recipe as a real process. It does not outlive its test file. */
export const recipe = (name: string, env: Readonly<Record<string, string>> = {}): Child =>
  startProgram(new URL(`../../demos/recipes/${name}.ts`, import.meta.url), { PORT: '0', ...env })

/** The URL at which a service of a recipe listens, once it says so. */
export const addressOf = async (child: Child, path: string): Promise<string> => {
  const line = RegExp(`${path} +running .*url (\\S+)`)
  return line.exec(await child.says(line))![1]!
}

/** Demands that each text is said, and after the one before. */
export const expectInOrder = (output: string, ...said: readonly RegExp[]): void => {
  const places = said.map(one => output.search(one))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
}

/** Demands that a recipe has ended gracefully and by itself: nothing was left that had to be ended for it. */
export const expectGraceful = ({ code, output }: { readonly code: number | null; readonly output: string }): void => {
  expect(output).toContain('stopped gracefully')
  expect(output).not.toMatch(/keeps? the process alive|still alive/)
  expect(code).toBe(0)
}
