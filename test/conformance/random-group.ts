import fc from 'fast-check'
import { type AddOptions, type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type Conduct, type FakeService, fakeService, type VirtualTime } from 'rx-service-group/testing'

/** How something is added: those it depends on are found among those before it. */
interface Added {
  readonly dependsOn: readonly number[] | undefined
  readonly observer: boolean
  readonly optional: boolean
  readonly restarted: boolean
  readonly onEnd: 'continue' | 'stop-group'
}

interface Leaf extends Added {
  readonly conduct: Readonly<Record<'start' | 'unready' | 'drain' | 'stop' | 'force', Conduct>>
  readonly returns: 'promise' | 'observable'
}

interface Nest extends Added {
  readonly members: readonly Member[]
}

type Member = Leaf | Nest

/** What happens to a group: to whom, how long after what happened before. */
interface Act {
  readonly wait: number
  readonly who: number
  readonly what: 'die' | 'end' | 'pass' | 'warn' | 'fail' | 'info' | 'pending' | 'add' | 'remove' | 'restart' | 'stop'
}

/** A group and all that happens to it. */
export interface Life {
  readonly members: readonly Member[]
  readonly acts: readonly Act[]
}

const usually = (...rare: readonly Conduct[]): fc.Arbitrary<Conduct> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Conduct[]>('returns', 'resolves', 5, 20) },
    { weight: 1, arbitrary: fc.constantFrom(...rare) },
  )

const rarely = fc.nat(5).map(n => n === 0)
const added = {
  dependsOn: fc.option(fc.array(fc.nat(3), { maxLength: 2 }), { nil: undefined }),
  observer: rarely,
  optional: fc.boolean(),
  restarted: fc.boolean(),
  onEnd: fc.nat(9).map(n => (n === 0 ? 'stop-group' : 'continue')) as fc.Arbitrary<'continue' | 'stop-group'>,
}

const leaf: fc.Arbitrary<Leaf> = fc.record({
  ...added,
  conduct: fc.record({
    start: usually('throws', 'rejects', 'waits'),
    unready: usually('absent', 'rejects'),
    drain: usually('absent', 'hangs', 'rejects'),
    stop: usually('hangs', 'rejects', 'throws', 'waits'),
    force: usually('absent', 'throws'),
  }),
  returns: fc.constantFrom('promise', 'observable'),
})

const membersOf = (depth: number): fc.Arbitrary<readonly Member[]> =>
  fc.array(
    depth === 0
      ? leaf
      : fc.oneof(
          { weight: 3, arbitrary: leaf },
          { weight: 1, arbitrary: fc.record({ ...added, members: membersOf(depth - 1) }) },
        ),
    { maxLength: 4 },
  )

const act: fc.Arbitrary<Act> = fc.record({
  wait: fc.constantFrom(0, 1, 10, 60, 200),
  who: fc.nat(9),
  what: fc.constantFrom('die', 'end', 'pass', 'warn', 'fail', 'info', 'pending', 'add', 'remove', 'restart', 'stop'),
})

export const anyLife: fc.Arbitrary<Life> = fc.record({
  members: membersOf(2),
  acts: fc.array(act, { minLength: 1, maxLength: 12 }),
})

/** Fills a group, and gives all the services in it, however deep. */
export const fill = (group: ServiceGroup<string>, members: readonly Member[], clock: VirtualTime): FakeService[] => {
  const workers: string[] = []
  return members.flatMap((member, n) => {
    const name = `${'members' in member ? 'g' : 's'}${n}`
    const { dependsOn, observer, optional, restarted, onEnd } = member
    const options: AddOptions<never> = {
      ...{ observer, optional, onEnd, startTimeout: 60, drainTimeout: 30, stopTimeout: 40 },
      ...(dependsOn &&
        !observer && { dependsOn: dependsOn.flatMap(i => (workers.length > 0 ? [workers[i % workers.length]!] : [])) }),
      ...(restarted && {
        restart: { policy: 'permanent', initialDelay: 20, jitter: 0, maxRestarts: 2 } as const,
      }),
    }
    if (!observer) workers.push(name)
    if ('members' in member) {
      const nested = serviceGroup(name, { clock, forceTimeout: 20 })
      const inside = fill(nested, member.members, clock)
      group.add(nested, options)
      return inside
    }
    const fake = fakeService(name, { ...member.conduct, returns: member.returns, clock })
    group.add(fake, options)
    return [fake]
  })
}

/** Lets happen what can: what is asked of a service that is not there is not. */
export const perform = async (
  group: ServiceGroup<string>,
  fakes: readonly FakeService[],
  acts: readonly Act[],
  clock: VirtualTime,
): Promise<void> => {
  let more = 0
  for (const { wait, who, what } of acts) {
    await clock.advance(wait)
    const fake = fakes[who % fakes.length]
    if (what === 'stop') void group.stop({ by: 'call', message: `act ${who}` })
    else if (what === 'add') {
      try {
        group.add(fakeService(`more${more++}`, { stop: 5, clock }))
      } catch {
        // It is leaving.
      }
    } else if (what === 'remove' || what === 'restart') {
      const own = group.status.list.map(({ path }) => path.split('/')).filter(path => path.length === 2)
      const name = own[who % own.length]?.[1]
      // It may be refused, or come to nothing.
      if (name !== undefined) group[what](name).catch(() => undefined)
    } else if (fake?.alive) {
      if (what === 'die') fake.die(new Error(`death ${who}`, { cause: new TypeError('a cause') }))
      else if (what === 'end') fake.end()
      else if (what === 'info') fake.info({ [`n${who % 2}`]: who, abandoned: 0 })
      else if (what === 'pending') fake.pending(who)
      else fake.setHealth(what, who % 2 === 0 ? `detail ${who}` : undefined)
    }
  }
}
