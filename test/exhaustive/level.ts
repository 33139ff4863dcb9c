import type { AddOptions, GroupOptions, ServiceGroup } from 'rx-service-group'
import { serviceGroup } from './engine.ts'
import type { HandClock } from './hand-clock.ts'
import { HeldService, type Holder } from './held-service.ts'
import { type Order, orderOf } from './order.ts'
import type { Placing, Scene } from './scene.ts'

/** One group of a scene, with the services that it holds at this moment. */
export class Level {
  readonly path: string
  readonly group: ServiceGroup<string, string>
  #placings: readonly Placing[]

  constructor(path: string, group: ServiceGroup<string, string>, placings: readonly Placing[]) {
    this.path = path
    this.group = group
    this.#placings = placings
  }

  get order(): Order {
    return orderOf(this.#placings)
  }

  placing(name: string): Placing | undefined {
    return this.#placings.find(placing => placing.name === name)
  }

  /** Returns how to undo it. */
  take(placing: Placing): () => void {
    const before = this.#placings
    this.#placings = [...before, placing]
    return () => {
      this.#placings = before
    }
  }

  drop(name: string): void {
    this.#placings = this.#placings.filter(placing => placing.name !== name)
  }
}

/** What the scene says of a service beside its behaviour: the options of `add`. */
const optionsOf = (placing: Placing): AddOptions => {
  const { name: _, drains, job, quick, lingers, inside, group, strategy, ...options } = placing
  return { startTimeout: Infinity, drainTimeout: Infinity, stopTimeout: Infinity, ...options }
}

/** Builds the groups and the services of a scene. */
export class Builder {
  readonly levels = new Map<string, Level>()
  readonly held = new Map<string, HeldService>()
  readonly #timers: HandClock
  readonly #holder: Holder

  constructor(scene: Scene, timers: HandClock, holder: Holder) {
    this.#timers = timers
    this.#holder = holder
    const { strategy = 'one-for-one', shutdownTimeout = Infinity, drainDelay = 0, maxRestarts = Infinity } = scene
    this.#fill('g', scene.members, { strategy, shutdownTimeout, drainDelay, maxRestarts })
  }

  /** Adds a service to a group that is there; throws what the group throws. */
  add(level: Level, placing: Placing): void {
    const own = `${level.path}/${placing.name}`
    const before = this.held.get(own)
    // The service may begin before `add` returns, and has its place by then.
    const undo = level.take(placing)
    try {
      this.#add(level, placing)
    } catch (error) {
      undo()
      if (before) this.held.set(own, before)
      throw error
    }
  }

  #add({ path, group }: Level, placing: Placing): void {
    const own = `${path}/${placing.name}`
    const held = new HeldService(own, placing, this.#holder)
    if (!placing.group) this.held.set(own, held)
    const { strategy = 'one-for-one' } = placing
    group.add(placing.group ? this.#fill(own, placing.group, { strategy }).group : held, optionsOf(placing))
  }

  #fill(path: string, placings: readonly Placing[], options: GroupOptions): Level {
    const { clock } = this.#timers
    const group = serviceGroup(path.slice(path.lastIndexOf('/') + 1), { clock, ...options })
    const level = new Level(path, group, placings)
    this.levels.set(path, level)
    for (const placing of placings) this.#add(level, placing)
    return level
  }
}
