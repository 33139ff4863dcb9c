import { map, merge, type Observable } from 'rxjs'
import { type ErrorInfo, errorInfo, isServiceError } from '../core/errors.ts'
import { errorOf } from '../core/state.ts'
import type { Report } from '../core/status/report.ts'
import type { GroupStatus } from '../core/status/status.ts'
import { processEvent } from './process-events.ts'

/** The errors that nobody caught, exceptions and rejections alike. While subscribed, they do not end the process. */
export const uncaught$: Observable<unknown> = merge(
  processEvent('uncaughtException'),
  processEvent('unhandledRejection'),
).pipe(map(([error]) => error))

/**
 * Whether an error that nobody caught only tells that the group, or a group inside it, is over. `group.ready` rejects
 * with such an error. The report tells the cause by itself.
 */
export const isEndOf = ({ group, list }: GroupStatus, error: unknown): boolean => {
  if (!isServiceError(error)) return false
  const { code, message, service } = error
  return [group, ...list].some(({ path, state }) => {
    if (errorOf(state)?.message === message) return true
    const name = path.slice(path.lastIndexOf('/') + 1)
    return code === 'ERR_GROUP_STOPPED' && name === service && message.startsWith(`group "${name}"`)
  })
}

/** How many different errors are kept, at most. */
const MOST = 100

/** The uncaught errors of a run. Equal ones are counted, and no more are kept than a person reads. */
export class UncaughtErrors {
  readonly #service: string
  readonly #kept = new Map<string, { readonly info: ErrorInfo; count: number }>()
  #others = 0

  constructor(service: string) {
    this.#service = service
  }

  add(error: unknown): ErrorInfo {
    const info = errorInfo(error)
    const kind = [info.name, info.code, info.message].join('\n')
    const known = this.#kept.get(kind)
    if (known) known.count++
    else if (this.#kept.size < MOST) this.#kept.set(kind, { info, count: 1 })
    else this.#others++
    return info
  }

  /** The number of all uncaught errors. */
  get total(): number {
    return [...this.#kept.values()].reduce((sum, { count }) => sum + count, this.#others)
  }

  /** The errors in the order in which each first came. */
  get list(): Report['errors'] {
    const service = this.#service
    const kept = [...this.#kept.values()].map(({ info, count }) => ({ ...info, service, ...(count > 1 && { count }) }))
    if (this.#others === 0) return kept
    const message = `more uncaught errors, which differ from the ${MOST} kept`
    return [...kept, { name: 'Error', message, service, ...(this.#others > 1 && { count: this.#others }) }]
  }
}
