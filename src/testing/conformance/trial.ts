import { filter, firstValueFrom, map, merge, type Observable } from 'rxjs'
import { timer } from '../../core/clock.ts'
import type { AddOptions } from '../../core/group/entry.ts'
import { type ServiceGroup, serviceGroup } from '../../core/group/service-group.ts'
import type { Service } from '../../core/service.ts'
import type { ServiceState, StateOf } from '../../core/state.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import { type Shutdown, ShutdownSteps } from '../../core/steps.ts'
import { milliseconds } from '../../core/units.ts'
import { type Drive, drive } from '../drive.ts'
import { leftovers, nothingLeft, type Resources, resourcesNow } from './leftovers.ts'
import type { ConformanceSubject, Work } from './subject.ts'

export const assert = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise)
}

/** Whether a promise rejects. */
export const lost = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => false,
    () => true,
  )

/** One run of a check. It remembers what the check has made, to clear it away, and the resources before. */
export class Trial {
  readonly subject: ConformanceSubject
  readonly #timeout: number
  readonly #before: Resources = resourcesNow()
  readonly #lives: Drive[] = []
  readonly #works: Work[] = []
  readonly #groups: ServiceGroup[] = []

  constructor(subject: ConformanceSubject) {
    this.subject = subject
    this.#timeout = subject.timeout ?? 10_000
  }

  /** Steps that never come. */
  get never(): Observable<Shutdown> {
    return new ShutdownSteps()
  }

  async create(): Promise<Service> {
    return this.subject.create()
  }

  drive(service: Service): Drive {
    const life = drive(service, { timeout: this.#timeout })
    this.#lives.push(life)
    return life
  }

  /** Starts a new service, and waits until it is running. */
  async start(): Promise<Drive> {
    const life = this.drive(await this.create())
    await life.until('running')
    return life
  }

  async use(life: Drive): Promise<void> {
    await this.subject.use!(await life.until('running'))
  }

  async work(life: Drive): Promise<Work> {
    const work = await this.subject.work!(await life.until('running'))
    // The check itself looks at whether the work was lost.
    work.done.catch(() => undefined)
    this.#works.push(work)
    return work
  }

  /** The phases that a service tells when it is told to stop before it is subscribed to. */
  lifeAfterStop(service: Service): string {
    const level = new ShutdownSteps()
    level.raise({ step: 'stop', reason: { by: 'call' } })
    const said: string[] = []
    let over = false
    const life = service.lifecycle(level).subscribe({
      next: ({ phase }) => said.push(phase),
      complete: () => {
        over = true
      },
    })
    life.unsubscribe()
    return over ? said.join(', ') : `${said.join(', ')}, and did not end`
  }

  /** A group of one service. It is stopped at the end of the check, even when the check fails. */
  group(service: Service, options: AddOptions<never> = {}): ServiceGroup {
    const group = serviceGroup('conformance', { shutdownTimeout: this.#timeout, startTimeout: this.#timeout })
    group.add(service, options)
    this.#groups.push(group)
    return group
  }

  until<T extends ServiceStatus>(
    { status$ }: ServiceGroup,
    name: string,
    isIt: (status: ServiceStatus) => status is T,
  ): Promise<T> {
    const found$ = status$.pipe(
      map(status => status.service(`${status.group.path}/${name}`)),
      filter((status): status is T => status !== undefined && isIt(status)),
    )
    const late$ = timer(this.#timeout).pipe(
      map((): never => {
        throw new Error(`"${name}" did not come to the state that was waited for within ${milliseconds(this.#timeout)}`)
      }),
    )
    return firstValueFrom(merge(found$, late$))
  }

  /** Demands that no resource was added since, not even for a moment. */
  nothingSince(before: Resources): void {
    const left = leftovers(before, resourcesNow())
    assert(left.length === 0, `there is more than before: ${left.join(', ')}`)
  }

  nothingLeft(): Promise<void> {
    return nothingLeft(this.#before, this.#timeout)
  }

  /** Ends all that a failed check left behind. */
  async end(): Promise<void> {
    for (const work of this.#works) work.finish()
    for (const life of this.#lives) {
      life.tell('force')
      life.abandon()
    }
    for (const group of this.#groups) await group.stop()
  }
}

/** The status of a service that runs in a group. */
export type Running = ServiceStatus & { readonly state: StateOf<'running'> & ServiceState }

export const isRunning = (status: ServiceStatus): status is Running => status.state.phase === 'running'
