import type { Health, ServiceState } from './state.ts'

/**
 * How well a member is, seen from its group: one that failed, or is on its way out by itself, does not serve. One that
 * is restarted, or that the group can spare, is never worse than `warn`.
 */
export const healthOf = (
  state: ServiceState,
  failed: boolean,
  leaving: boolean,
  spared: boolean,
  returning = false,
): Health => {
  const gone = failed || state.phase === 'failed' || (!leaving && !returning && isGoing(state))
  const back = !leaving && (returning || isComingBack(state))
  const health = gone ? 'fail' : state.phase === 'running' ? state.health : back ? 'warn' : 'pass'
  return spared && health === 'fail' ? 'warn' : health
}

/** It ended, and is restarted. */
const isComingBack = (state: ServiceState): boolean =>
  state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)

/** On its way out: it serves no longer. One that has done what it is for is as well as ever. */
const isGoing = (state: ServiceState): boolean =>
  state.phase === 'draining' || state.phase === 'stopping' ? state.reason.by !== 'end' : state.phase === 'drained'

/** Who in a group is not well: the worst of it is the health of the group, and the first of the worst is named. */
export class Unwell {
  readonly #failing = new Map<string, string | undefined>()
  readonly #warning = new Map<string, string | undefined>()

  /** Whether there is something that has not been told yet. */
  news = false

  note(name: string, health: Health, state: ServiceState): void {
    if (health === 'pass' && this.#size === 0) return
    // Its way out did no harm until now; being drained does none.
    if (state.phase === 'drained' && !this.#failing.has(name) && !this.#warning.has(name)) return
    const what = state.phase === 'running' ? state.detail : state.phase
    const failed = note(this.#failing, name, health === 'fail', what)
    const warned = note(this.#warning, name, health === 'warn', what)
    if (failed || warned) this.news = true
  }

  get health(): Health {
    return this.#failing.size > 0 ? 'fail' : this.#warning.size > 0 ? 'warn' : 'pass'
  }

  /** The first of the worst, and how many there are beside it. */
  get detail(): string | undefined {
    const { health } = this
    const [first] = health === 'fail' ? this.#failing : this.#warning
    if (!first) return undefined
    const [name, what] = first
    const others = this.#size > 1 ? ` (and ${this.#size - 1} more)` : ''
    return `${name} ${health}${what === undefined ? '' : `: ${what}`}${others}`
  }

  get #size(): number {
    return this.#failing.size + this.#warning.size
  }
}

const note = (
  among: Map<string, string | undefined>,
  name: string,
  belongs: boolean,
  what: string | undefined,
): boolean => {
  if (!belongs) return among.size > 0 && among.delete(name)
  among.set(name, what)
  return true
}
