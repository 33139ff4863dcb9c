import { messageOf } from './errors.ts'
import { peek } from './foreign.ts'
import { refusal, type Whose } from './options.ts'

/**
 * An optional package, loaded now.
 *
 * @param load loads the package at once, and only when it is called. A small CommonJS file beside the adapter exports
 * it, so that bundlers see which package it needs: `module.exports = () => require('croner')`.
 * @param otherwise another way out, if there is one: `give a connect`
 * @throws ServiceError `ERR_MISSING_PACKAGE`
 * @example
 * ```ts
 * import { createRequire } from 'node:module'
 *
 * const load = () => createRequire(import.meta.url)('croner')
 * const { Cron } = optionalPackage<typeof import('croner')>('nightly', 'croner', load)
 * console.log(new Cron('0 3 * * *').nextRun())
 * ```
 */
export const optionalPackage = <Package>(whose: Whose, name: string, load: unknown, otherwise?: string): Package => {
  try {
    return (load as () => Package)()
  } catch (error) {
    throw asMissingPackage(whose, name, error, otherwise)
  }
}

/** The error of loading a package. If the package is not installed, that is `ERR_MISSING_PACKAGE` with the command. */
export const asMissingPackage = (whose: Whose, name: string, error: unknown, otherwise?: string): unknown =>
  missingName(error) === name
    ? refusal(
        whose,
        `the package ${name} is missing; npm install ${name}${otherwise === undefined ? '' : `, or ${otherwise}`}`,
        'ERR_MISSING_PACKAGE',
        error,
      )
    : error

const CODES: readonly unknown[] = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']

/**
 * The package or file that was not found. It may be a dependency of an installed package. Node, Bun, Deno, bundlers and
 * test runners use the first form, Yarn's Plug'n'Play the second.
 */
const missingName = (error: unknown): string | undefined =>
  CODES.includes(peek(error, 'code'))
    ? /(?:cannot find (?:module|package)|tried to access) ['"]?([^\s'"]+)/i.exec(messageOf(error))?.[1]
    : undefined
