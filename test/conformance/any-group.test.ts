import { type ServiceGroup, type ServiceState, serviceGroup } from 'rx-service-group'
import { type FakeService, fakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { expect, test } from 'vitest'
import { shopUnderVirtualTime, watch } from './setup.ts'

/** Throws with a fixed seed: the same groups on every machine. */
const dice = (seed: number): ((sides: number) => number) => {
  let state = seed * 7_919
  return sides => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * sides)
  }
}

const CONDUCTS = ['returns', 'resolves', 5, 'waits', 'hangs', 'throws', 'rejects', 50] as const

interface Leaf {
  readonly path: string
  readonly fake: FakeService
  /** Those beside it that it starts after and stops before. */
  readonly before: readonly string[]
}

/** Fills a group with services and groups that do anything, in any order. */
const fill = (
  group: ServiceGroup<string>,
  path: string,
  roll: (sides: number) => number,
  time: VirtualTime,
  log: string[],
  leaves: Leaf[],
  depth = 0,
): void => {
  const any = (): (typeof CONDUCTS)[number] => CONDUCTS[roll(CONDUCTS.length)]!
  const often = (): (typeof CONDUCTS)[number] => (roll(4) === 0 ? any() : CONDUCTS[roll(3)]!)
  const names: string[] = []
  const observers: string[] = []
  const count = 1 + roll(4)
  for (let i = 0; i < count; i++) {
    const name = `${path.slice(path.lastIndexOf('/') + 1)}${i}`
    const observer = roll(8) === 0
    const declares = !observer && roll(2) === 0
    const dependsOn = names.filter(() => declares && roll(2) === 0)
    const before = observer ? [...observers] : declares ? dependsOn : [...names]
    const options = {
      ...(declares && { dependsOn }),
      observer,
      startTimeout: 60,
      drainTimeout: 30,
      stopTimeout: roll(3) === 0 ? Infinity : 60,
    }
    if (depth < 2 && roll(3) === 0) {
      const nested = serviceGroup(name, { clock: time, forceTimeout: roll(2) === 0 ? 1_000 : 10 })
      fill(nested, `${path}/${name}`, roll, time, log, leaves, depth + 1)
      group.add(nested, options)
    } else {
      const fake = fakeService(name, {
        start: often(),
        unready: roll(2) === 0 ? 'absent' : any(),
        drain: roll(2) === 0 ? 'absent' : any(),
        stop: often(),
        force: roll(2) === 0 ? 'absent' : any(),
        returns: roll(3) === 0 ? 'observable' : 'promise',
        clock: time,
        log,
      })
      leaves.push({ path: `${path}/${name}`, fake, before: before.map(other => `${path}/${other}`) })
      group.add(fake, options)
    }
    if (observer) observers.push(name)
    else names.push(name)
  }
}

const isThere = ({ phase }: ServiceState): boolean => !['idle', 'waiting', 'stopped', 'failed'].includes(phase)

test.each(Array.from({ length: 400 }, (_, i) => i + 1))(
  'R1 any group, number %i, ends, with a legal trace, in order, and nothing is left behind unsaid',
  async seed => {
    const roll = dice(seed)
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 500, forceTimeout: 40, drainDelay: roll(2) * 20 })
    const leaves: Leaf[] = []
    const wrong: string[] = []
    const state = (path: string): ServiceState => shop.status.services[path]!.state
    const log: string[] = []
    log.push = line => {
      const [name, hook] = line.split(' ')
      const { path, fake, before } = leaves.find(leaf => leaf.fake.name === name)!
      if (hook === 'start')
        for (const other of before)
          if (shop.status.services[other]!.readyAt === null) wrong.push(`${path} started before ${other}`)
      if (hook === 'stop' && !fake.stop.signal?.aborted)
        for (const after of leaves.filter(leaf => leaf.before.includes(path)))
          if (isThere(state(after.path))) wrong.push(`${path} stopped before ${after.path}`)
      return 0
    }
    fill(shop, 'shop', roll, time, log, leaves)
    const trace = recordTrace(shop)
    const started = watch(shop.start())
    await time.advance(roll(150))
    const victim = leaves[roll(leaves.length)]
    if (roll(2) === 0 && victim?.fake.alive) victim.fake.die()
    await time.advance(roll(50))
    const stopped = watch(shop.stop())
    await time.advance(540)
    expect([started.now === 'pending', stopped.now]).toEqual([false, 'resolved'])
    expect(wrong).toEqual([])
    expect(trace.lines.length).toBeGreaterThan(2)
    expect(trace.completed).toBe(true)
    expect(time.timers).toBe(0)

    const { report } = shop
    const outcome = new Map(report.services.map(service => [service.path, service.outcome]))
    expect([...outcome].filter(([, how]) => how === 'still there')).toEqual([])
    for (const { path, fake } of leaves)
      if (outcome.get(path) !== 'abandoned') expect([path, fake.alive]).toEqual([path, false])
    const graceful = report.services.every(
      ({ outcome, timedOut }) => timedOut.length === 0 && /^(ended|stopped|never started)$/.test(outcome),
    )
    expect(report.ok).toBe(graceful && report.errors.length === 0)
    // What nobody hears of any more changes nothing.
    const { length } = trace.lines
    for (const { fake } of leaves)
      for (const hook of ['start', 'drain', 'stop', 'force'] as const)
        if (fake[hook].open) {
          try {
            fake[hook].succeed()
          } catch {
            /* a number: it settles by itself */
          }
        }
    await time.advance(5_000)
    expect(trace.lines).toHaveLength(length)
    expect(shop.report).toEqual(report)
  },
)
