import { type Health, isGoingDown, isRestarting, type ServiceState } from '../state.ts'

/** The facts beside its state that decide about the health of a member. */
export interface Circumstances {
  /** The member fails with this state. */
  readonly failed: boolean
  /** The group shuts down. */
  readonly leaving: boolean
  /** The group can't do without the member. */
  readonly needed: boolean
  /** The member ran before, and is to run again. */
  readonly returning: boolean
}

/**
 * The health of a member, as its group counts it. A member that failed, or is ending by itself, counts as `fail`. A
 * member that is restarted, or that the group can do without, counts as `warn` at worst.
 */
export const healthOf = (state: ServiceState, { failed, leaving, needed, returning }: Circumstances): Health => {
  const gone = failed || state.phase === 'failed' || (!leaving && !returning && isGoingDown(state))
  const back = !leaving && (returning || isRestarting(state))
  const health = gone ? 'fail' : state.phase === 'running' ? state.health : back ? 'warn' : 'pass'
  return (!needed || back) && health === 'fail' ? 'warn' : health
}

/** The trouble of a member, for people: `db failed`, `orders: slow disk`, `worker: restarting`. */
export const troubleOf = (name: string, state: ServiceState): string => {
  switch (state.phase) {
    case 'running':
      if (state.detail !== undefined) return `${name}: ${state.detail}`
      return `${name} ${state.health === 'fail' ? 'is failing' : 'warns'}`
    case 'failed':
      return `${name} failed`
    case 'stopped':
      return state.how === 'ended' ? `${name} has ended` : `${name} was ${state.how}`
    default:
      return `${name}: ${isRestarting(state) ? 'restarting' : state.phase}`
  }
}

/** The members that are not healthy. The worst health is that of the group; the detail names the first such member. */
export class UnhealthyMembers {
  readonly #failing = new Map<string, string>()
  readonly #warning = new Map<string, string>()
  #told: { readonly health: Health; readonly detail: string | undefined } = { health: 'pass', detail: undefined }
  #changed = false

  /** Whether health or detail differ from what was told. */
  get hasNews(): boolean {
    if (!this.#changed) return false
    this.#changed = this.health !== this.#told.health || this.detail !== this.#told.detail
    return this.#changed
  }

  /** Health and detail are told now. */
  tell(): { readonly health: Health; readonly detail: string | undefined } {
    this.#changed = false
    this.#told = { health: this.health, detail: this.detail }
    return this.#told
  }

  note(name: string, health: Health, state: ServiceState): void {
    if (health === 'pass' && this.#size === 0) return
    // A member that was healthy while it drained is healthy when drained.
    if (state.phase === 'drained' && !this.#failing.has(name) && !this.#warning.has(name)) return
    const trouble = health === 'pass' ? '' : troubleOf(name, state)
    note(this.#failing, name, health === 'fail', trouble)
    note(this.#warning, name, health === 'warn', trouble)
    this.#changed = true
  }

  get health(): Health {
    return this.#failing.size > 0 ? 'fail' : this.#warning.size > 0 ? 'warn' : 'pass'
  }

  /** The first member of the worst health, and how many others are not healthy. */
  get detail(): string | undefined {
    const among = this.#failing.size > 0 ? this.#failing : this.#warning
    const [trouble] = among.values()
    if (trouble === undefined) return undefined
    return this.#size > 1 ? `${trouble} (and ${this.#size - 1} more)` : trouble
  }

  get #size(): number {
    return this.#failing.size + this.#warning.size
  }
}

const note = (among: Map<string, string>, name: string, belongs: boolean, trouble: string): void => {
  if (belongs) among.set(name, trouble)
  else among.delete(name)
}
