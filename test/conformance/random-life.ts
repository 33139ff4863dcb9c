import { type AddOptions, type GroupOptions, type Service, type ServiceGroup, serviceGroup } from 'rx-service-group'
import {
  describeState,
  type FakeService,
  fakeService,
  recordTrace,
  type Trace,
  virtualTime,
} from 'rx-service-group/testing'
import { isFinal } from '../../src/core/state.ts'
import { foldStatus, type GroupStatus } from '../../src/core/status/status.ts'

/** One service of a random group. What it depends on are picks among those that are there. */
export interface Drawn {
  readonly dependsOn: readonly number[] | undefined
  /** How long its hooks take. */
  readonly start: number
  readonly drain: number
  readonly stop: number
  readonly policy: 'permanent' | 'transient' | 'temporary' | undefined
  readonly optional: boolean
  readonly observer: boolean
  readonly onEnd: 'continue' | 'restart'
  /** It is a group of so many, if any. */
  readonly inside: number
}

type Doing =
  | 'remove'
  | 'restart'
  | 'die'
  | 'end'
  | 'warn'
  | 'fail starts'
  | 'fail stops'
  | 'stop inside'
  | 'remove inside'
  | 'restart inside'
  | 'add inside'

export type Act =
  | { readonly act: 'add'; readonly drawn: Drawn }
  | { readonly act: 'advance'; readonly ms: number }
  | { readonly act: Doing; readonly pick: number }
  /** Done by a listener, when so many more events have been told. */
  | { readonly act: 'later'; readonly events: number; readonly what: Doing; readonly pick: number }

interface Placed {
  readonly path: string
  readonly fake: FakeService
}

const QUICK = { policy: 'permanent', initialDelay: 10, factor: 1, jitter: 0, maxRestarts: Infinity } as const

const REFUSALS: readonly unknown[] = [
  'ERR_GROUP_STOPPING',
  'ERR_GROUP_STOPPED',
  'ERR_DEPENDENCY_FAILED',
  'ERR_UNKNOWN_DEPENDENCY',
]

const plainJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const pickOf = <T>(from: readonly T[], pick: number): T | undefined => from[pick % from.length]

/** A random group, what is done to it, and what is true of it whatever that was. */
export class RandomLife {
  readonly time = virtualTime()
  readonly group: ServiceGroup<'shop'>
  /** What must not have happened. */
  readonly wrong: string[] = []
  /** For whoever has to find out what went wrong. */
  readonly told: string[] = []
  readonly #trace: Trace
  readonly #fakes: Placed[] = []
  readonly #inner = new Map<string, ServiceGroup>()
  readonly #permanent = new Set<string>()
  readonly #pending = new Set<string>()
  #later: { events: number; readonly run: () => void }[] = []
  #names = 0
  #promises = 0
  #stopping = false
  #meddled = false

  constructor(drawn: readonly Drawn[], options: GroupOptions) {
    this.group = serviceGroup('shop', { clock: this.time, ...options })
    this.#trace = recordTrace(this.group)
    for (const one of drawn) this.#add(one)
    this.group.events$.subscribe(event => {
      if (event.kind === 'snapshot') return
      const what = event.kind === 'transition' ? describeState(event.state) : event.kind
      this.told.push(`${event.at} ${event.path} ${what}`)
      for (const later of this.#later) later.events--
      const due = this.#later.filter(({ events }) => events <= 0)
      this.#later = this.#later.filter(({ events }) => events > 0)
      for (const { run } of due) run()
    })
  }

  start(): void {
    this.#watch('start', this.group.start())
  }

  async act(act: Act): Promise<void> {
    if (act.act === 'advance') return this.time.advance(act.ms)
    if (act.act === 'later') {
      this.#meddled = true
      this.#later.push({ events: act.events, run: () => this.#do(act.what, act.pick) })
    } else if (act.act === 'add') this.#add(act.drawn)
    else this.#do(act.act, act.pick)
    await this.time.settle()
  }

  /** All goes well from now on, and what is under way has the time to come to its end. */
  async quieten(): Promise<void> {
    this.#later = []
    for (const { fake } of this.#fakes) {
      fake.start.will('returns')
      fake.stop.will('returns')
    }
    await this.time.advance(10_000)
  }

  async stop(): Promise<void> {
    this.#later = []
    this.#stopping = true
    this.#watch('stop', this.group.stop())
    await this.time.advance(100_000)
  }

  /** Promises that have not settled. */
  get pending(): readonly string[] {
    return [...this.#pending]
  }

  get alive(): readonly string[] {
    return this.#fakes.filter(({ fake }) => fake.alive).map(({ path }) => path)
  }

  get unfinished(): readonly string[] {
    return this.group.status.list.filter(({ state }) => !isFinal(state)).map(({ path }) => path)
  }

  /** Who should be there by now, or be over, and is not. */
  get stuck(): readonly string[] {
    if (this.group.status.phase !== 'running') return []
    return this.group.status.list
      .filter(({ path, state }) => state.phase !== 'running' && (this.#permanent.has(path) || !isFinal(state)))
      .map(({ path, state }) => `${path} ${state.phase}`)
  }

  /** The status that the events tell. Throws when they are not legal, or have a gap. */
  get folded(): unknown {
    let status: GroupStatus | undefined
    for (const event of this.#trace.events) status = foldStatus(status, event)
    return plainJson(status)
  }

  get live(): unknown {
    return plainJson(this.group.status)
  }

  #do(what: Doing, pick: number): void {
    const name = pickOf(this.#children(), pick)
    const paths = [...this.#inner.keys()].filter(path => this.group.status.service(path))
    const path = pickOf(paths, pick)
    const inner = path === undefined ? undefined : this.#inner.get(path)
    const inside = inner && pickOf(inner.status.list, pick)?.path.split('/')[1]
    const any = pickOf(this.#fakes, pick)?.fake
    if (what === 'remove' && name) this.#watch(`remove ${name}`, this.group.remove(name))
    if (what === 'restart' && name) this.#watch(`restart ${name}`, this.group.restart(name))
    if (what === 'fail starts') any?.start.will('rejects')
    if (what === 'fail stops') any?.stop.will('rejects')
    if (what === 'stop inside' && inner) this.#watch(`stop ${path}`, inner.stop())
    if (what === 'restart inside' && inside) this.#watch(`restart ${path}/${inside}`, inner.restart(inside))
    if (what === 'remove inside' && inside) this.#watch(`remove ${path}/${inside}`, inner.remove(inside))
    if (what === 'add inside' && inner) {
      const late = this.#fake(`s${this.#names++}`, path!, { start: 3, drain: 0, stop: 3 })
      this.#try(() => inner.add(late, { restart: QUICK }))
    }
    if (what === 'die' || what === 'end' || what === 'warn') this.#happens(what, pick)
  }

  #happens(what: 'die' | 'end' | 'warn', pick: number): void {
    const fake = pickOf(
      this.#fakes.filter(({ fake }) => fake.alive),
      pick,
    )?.fake
    try {
      if (what === 'warn') fake?.setHealth('warn', 'slow')
      else fake?.[what]()
    } catch {
      // A listener heard that it starts, before it does.
    }
  }

  #children(): readonly string[] {
    return this.group.status.list.flatMap(({ path }) => (path.split('/').length === 2 ? [path.split('/')[1]!] : []))
  }

  #add(drawn: Drawn): void {
    const name = `s${this.#names++}`
    const path = `shop/${name}`
    const { policy, optional, inside } = drawn
    const observer = drawn.observer && !drawn.dependsOn
    const known = this.#children().filter(child => !this.#isObserver(`shop/${child}`))
    const dependsOn = drawn.dependsOn && [...new Set(drawn.dependsOn.flatMap(pick => pickOf(known, pick) ?? []))]
    const options: AddOptions<never> = {
      ...(dependsOn && { dependsOn }),
      ...(policy && { restart: { ...QUICK, policy } }),
      ...(drawn.onEnd === 'restart' && !policy && { onEnd: 'restart' }),
      optional,
      observer,
    }
    if (inside === 0 && policy === 'permanent' && !optional) this.#permanent.add(path)
    const service = inside === 0 ? this.#fake(name, 'shop', drawn) : this.#nested(name, drawn)
    this.#try(() => this.group.add(service, options))
  }

  #nested(name: string, drawn: Drawn): Service {
    const strategy = drawn.inside > 1 ? 'one-for-all' : 'one-for-one'
    const inner: ServiceGroup = serviceGroup(name as string, { clock: this.time, strategy })
    for (let n = 0; n < drawn.inside; n++)
      inner.add(this.#fake(`${name}-${n}`, `shop/${name}`, drawn), n === 0 ? {} : { restart: QUICK })
    this.#inner.set(`shop/${name}`, inner)
    return inner
  }

  /** A fake that tells when it is started. */
  #fake(name: string, parent: string, { start, drain, stop }: Pick<Drawn, 'start' | 'drain' | 'stop'>): Service {
    const path = `${parent}/${name}`
    const fake = fakeService(name, {
      start: start || 'returns',
      unready: 'absent',
      drain: drain || 'absent',
      stop: stop || 'returns',
      clock: this.time,
    })
    this.#fakes.push({ path, fake })
    const lifecycle: Service['lifecycle'] = shutdown$ => {
      this.#onStart({ path, fake })
      return fake.lifecycle(shutdown$)
    }
    return { name, lifecycle }
  }

  #onStart({ path, fake }: Placed): void {
    // One that lets people watch heals to the end.
    const outermost = path.split('/').slice(0, 2).join('/')
    if (this.#stopping && !this.#isObserver(outermost)) this.wrong.push(`${path} was started after the stop`)
    const service = this.group.status.service(path)
    if (!service) this.wrong.push(`${path} was started, but is not in the group`)
    // A listener may have ended what it depends on when it heard that it is starting.
    if (this.#meddled) return
    for (const name of service?.dependsOn ?? []) {
      const other = this.group.status.service(`${path.slice(0, path.lastIndexOf('/'))}/${name}`)?.state
      const isThere = other?.phase === 'running' || (other?.phase === 'stopped' && other.how === 'ended')
      // One that has run before does not wait for what is over for good.
      if (isThere || (other && isFinal(other) && fake.starts > 0)) continue
      this.wrong.push(`${path} was started while ${name} is ${other?.phase}`)
    }
  }

  #isObserver(path: string): boolean {
    return this.group.status.service(path)?.observer === true
  }

  #try(what: () => unknown): void {
    try {
      what()
    } catch (error) {
      if (!REFUSALS.includes((error as { code?: string }).code)) this.wrong.push(`add: ${String(error)}`)
    }
  }

  #watch(what: string, promise: Promise<unknown>): void {
    const key = `${this.#promises++} ${what}`
    this.#pending.add(key)
    promise.then(
      () => {
        this.#pending.delete(key)
        this.told.push(`${key}: well`)
      },
      error => {
        this.#pending.delete(key)
        this.told.push(`${key}: ${error?.code} ${error?.message}`)
        // Every refusal and failure is one of ours, and nobody was started twice.
        if (!error?.code || /started while/.test(error.message)) this.wrong.push(`${what}: ${String(error?.stack)}`)
      },
    )
  }
}
