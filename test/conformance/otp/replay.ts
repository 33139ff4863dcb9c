import {
  type AddOptions,
  type GroupOptions,
  type Phase,
  type Service,
  type ServiceGroup,
  serviceGroup,
} from 'rx-service-group'
import {
  type FakeOptions,
  type FakeService,
  recordTrace,
  type VirtualTime,
  virtualTime,
} from 'rx-service-group/testing'
import { tap } from 'rxjs'
import { plain } from '../setup.ts'
import {
  childrenOf,
  isSupervisor,
  type Recorded,
  type RecordedChild,
  type RecordedSupervisor,
  type Scenario,
  type Step,
  supervisorsOf,
} from './traces.ts'

/** What a replay does that a recording can't say. */
export interface Ways {
  /** What the group in place of a supervisor is made with. */
  group?(supervisor: RecordedSupervisor): GroupOptions
  /** What a child, or a supervisor inside another, is added with. */
  add?(child: Recorded, within: RecordedSupervisor): AddOptions<never>
  /** What the fake in place of a child does besides. */
  fake?(child: RecordedChild): FakeOptions
  /** Steps done by hand, by their first word. */
  acts?: Readonly<Record<string, (group: ServiceGroup, name: string) => unknown>>
}

export interface Replayed {
  /** What is seen after the last step belongs to that. */
  readonly steps: readonly Step[]
  readonly group: ServiceGroup
  readonly fakes: ReadonlyMap<string, FakeService>
  readonly time: VirtualTime
}

/** OTP restarts at once, without end but for the intensity of the supervisor. */
const AT_ONCE = { initialDelay: 0, jitter: 0, maxRestarts: Infinity } as const

/** How a child is added unless a replay says otherwise. */
export const asRecorded = (child: Recorded): AddOptions<never> => {
  if (isSupervisor(child)) return {}
  const { restart: policy, shutdown: stopTimeout, significant } = child
  return { restart: { policy, ...AT_ONCE }, stopTimeout, ...(significant && { onEnd: 'stop-group' }) }
}

/**
 * Does to a group under virtual time what was done to a supervisor, step by step, and tells in the words of the
 * recording what was seen: `init` when a start hook is called, `terminate` when a stop hook is, `exit` when a lifecycle
 * has ended.
 */
export const replay = async ({ supervisor, steps }: Scenario, ways: Ways = {}): Promise<Replayed> => {
  const time = virtualTime()
  const fakes = new Map<string, FakeService>()
  let seen: string[] = []
  const tell = (event: string): void => {
    seen.push(event)
  }

  const addTo = (group: ServiceGroup, child: Recorded, within: RecordedSupervisor): void => {
    const options = ways.add?.(child, within) ?? asRecorded(child)
    if (isSupervisor(child)) return void group.add(groupFor(child), options)
    const fake = fakeFor(child, tell, ways.fake?.(child))
    fakes.set(child.name, fake)
    group.add(watched(fake, tell), options)
  }
  const groupFor = (recorded: RecordedSupervisor): ServiceGroup => {
    const group: ServiceGroup = serviceGroup(recorded.name, { clock: time, ...ways.group?.(recorded) })
    for (const child of recorded.children) addTo(group, child, recorded)
    return group
  }
  const group = groupFor(supervisor)
  watchGroups(group, supervisor, tell)
  const trace = recordTrace(group)

  const fake = (name: string): FakeService => fakes.get(name) ?? fail(`no child is called "${name}"`)
  const acts: Readonly<Record<string, (name: string) => unknown>> = {
    // Whoever stops it learns why it failed.
    start: () => group.start().catch(() => undefined),
    shutdown: () => group.stop(),
    crash: name => fake(name).die(new Error('crash')),
    end: name => fake(name).end(),
    at: ms => time.advance(Number(ms) - time.now()),
    add: name => addTo(group, { name, restart: 'permanent', shutdown: 5_000 }, supervisor),
  }
  // Until what hangs has been killed; otherwise nothing takes any time.
  const patience = Math.max(
    0,
    ...childrenOf(supervisor).map(child => (child.terminate === 'hang' ? child.shutdown : 0)),
  )

  const done: Step[] = []
  for (const step of steps) {
    const [what = '', name = ''] = step.do.split(' ')
    const byHand = ways.acts?.[what]
    const act = byHand ? () => byHand(group, name) : (acts[what] ?? fail(`nobody knows how to "${step.do}"`))
    seen = []
    // A promise is waited for only as long as time is moved.
    const result = act(name)
    if (what === 'at') await result
    else await time.advance(patience)
    done.push({ do: step.do, seen })
    // An illegal transition throws here.
    trace.take()
  }
  return { steps: done, group, fakes, time }
}

const fakeFor = (child: RecordedChild, tell: (event: string) => void, options: FakeOptions = {}): FakeService => {
  const { name, fails = [], terminate } = child
  let lives = 0
  return plain(name, {
    start: () => {
      tell(`init ${name}`)
      if (fails.includes(++lives)) throw new Error('no_start')
    },
    stop: ({ signal }) => {
      tell(`terminate ${name} shutdown`)
      if (terminate === 'crash') throw new Error('crash_in_terminate')
      if (terminate === 'hang') return new Promise((_, reject) => onAbort(signal, reject))
      return undefined
    },
    ...options,
  })
}

/** As much of being killed as there is in one process: it gives up when it is told to. */
const onAbort = (signal: AbortSignal, reject: (reason: unknown) => void): void =>
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })

/** OTP's word for how it has ended. */
const REASONS = { ended: 'normal', stopped: 'shutdown', forced: 'killed', abandoned: 'abandoned' } as const

/** Tells when a fake is gone, before its group hears of it: it says so, or fails. */
const watched = (fake: FakeService, tell: (event: string) => void): Service => ({
  name: fake.name,
  lifecycle: shutdown$ =>
    fake.lifecycle(shutdown$).pipe(
      tap({
        next: state => {
          if (state.phase === 'stopped') tell(`exit ${fake.name} ${REASONS[state.how]}`)
        },
        error: error => tell(`exit ${fake.name} ${firstCause(error)}`),
      }),
    ),
})

const firstCause = (error: unknown): string => {
  const { cause, message } = error as Error
  return cause === undefined ? message : firstCause(cause)
}

const NOT_THERE: readonly Phase[] = ['idle', 'waiting', 'backoff', 'stopped', 'failed']

/** Tells when a group starts, and when it is gone. */
const watchGroups = (group: ServiceGroup, supervisor: RecordedSupervisor, tell: (event: string) => void): void => {
  const names = new Set(supervisorsOf(supervisor).map(({ name }) => name))
  const last = new Map<string, Phase>()
  group.events$.subscribe(event => {
    if (event.kind !== 'transition') return
    const { path, state } = event
    const name = path.split('/').at(-1)!
    if (!names.has(name)) return
    const before = last.get(path) ?? 'idle'
    last.set(path, state.phase)
    const wasThere = !NOT_THERE.includes(before)
    // By hand it goes from its end to its next start without a word between.
    const begins = state.phase === 'starting' && before !== 'starting'
    if (wasThere && (begins || NOT_THERE.includes(state.phase))) tell(`exit ${name}`)
    if (begins) tell(`init ${name}`)
  })
}

const fail = (message: string): never => {
  throw new Error(message)
}
