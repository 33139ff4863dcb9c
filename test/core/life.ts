import type { Service, ServiceError, ServiceState, Step } from 'rx-service-group'
import { ReplaySubject } from 'rxjs'

/** A state in one word, with what is particular about it. */
export const word = (state: ServiceState): string => {
  const info = state.info ? ` ${JSON.stringify(state.info)}` : ''
  switch (state.phase) {
    case 'running': {
      const health = state.health === 'pass' ? '' : `:${state.health}`
      return `${state.leaving ? 'leaving' : 'running'}${health}${state.detail ? `(${state.detail})` : ''}${info}`
    }
    case 'draining':
    case 'stopping':
      return `${state.phase}${state.pending === undefined ? '' : `(${state.pending})`}${info}`
    case 'stopped':
      return `${state.how}${info}`
    default:
      return `${state.phase}${info}`
  }
}

/** An error in one word: the code of a ServiceError, whether from the package or from its source. */
export const errorWord = (error: unknown): string => `# ${isServiceError(error) ? error.code : String(error)}`

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && error.name === ('ServiceError' satisfies ServiceError['name'])

/** One life of a service that a test leads: what it said so far, and a way to ask it on. */
export class Life {
  readonly said: string[] = []
  readonly states: ServiceState[] = []
  error: unknown
  readonly #shutdown$ = new ReplaySubject<{ step: Step; reason: { by: 'signal'; signal: string } }>(1)
  readonly #subscription

  constructor(service: Service) {
    this.#subscription = service.lifecycle(this.#shutdown$).subscribe({
      next: state => {
        this.states.push(state)
        this.said.push(word(state))
      },
      error: error => {
        this.error = error
        this.said.push(errorWord(error))
      },
      complete: () => this.said.push('|'),
    })
  }

  ask(...steps: readonly Step[]): this {
    for (const step of steps) this.#shutdown$.next({ step, reason: { by: 'signal', signal: 'SIGTERM' } })
    return this
  }

  /** What it says after a step, once promises have had their turn. */
  async asked(...steps: readonly Step[]): Promise<string[]> {
    const before = this.said.length
    this.ask(...steps)
    await turn()
    return this.said.slice(before)
  }

  leave(): void {
    this.#subscription.unsubscribe()
  }
}

/** All promises that can settle by now have. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A promise that the test settles. */
export const deferred = <T = void>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
} => {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
