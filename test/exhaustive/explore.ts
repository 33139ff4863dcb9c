import type { Scene } from './scene.ts'
import { World } from './world.ts'

export interface Fault {
  readonly message: string
  /** The shortest sequence of inputs that shows it. */
  readonly inputs: readonly string[]
}

export interface Explored {
  /** How many situations differ. */
  readonly states: number
  /** How often the scene has been played from its beginning. */
  readonly plays: number
  /** How many of the situations are the end of the group. */
  readonly ended: number
  /** The limit came before all situations had been met. */
  readonly cut: boolean
  readonly faults: readonly Fault[]
}

export interface Limits {
  readonly states?: number
  /** So many different faults end the exploration. */
  readonly faults?: number
}

/** All promises that can settle by now have. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Plays a sequence from the beginning. `undefined`: a listener was to make a call at an event that did not come. */
export const play = async (scene: Scene, inputs: readonly string[]): Promise<World | undefined> => {
  const world = new World(scene)
  for (const input of inputs) {
    const made = world.do(input)
    await turn()
    if (!made) return undefined
  }
  return world
}

const check = (world: World): void => {
  world.rules.rest()
  if (world.isOver) world.rules.over()
}

/** So many answers in a row mean that the group goes round in circles. */
const ENOUGH = 100

/** Every service does what it is asked to do, and every timer fires, until nothing is left to do. */
const settle = async (world: World): Promise<void> => {
  for (let i = 0; i < ENOUGH && !world.isOver; i++) {
    const next = world.answers[0] ?? world.fires[0]
    if (next === undefined) break
    world.do(next)
    await turn()
  }
  check(world)
}

/** A group that nobody stops comes to be running, or over, and every call gets its answer. Then it can be stopped. */
const settleAndEnd = async (world: World): Promise<void> => {
  if (!world.calls.has('start')) world.do('call:start')
  await turn()
  await settle(world)
  world.rules.settledAll()
  if (world.isOver || world.rules.broken.length > 0) return
  world.end()
  await turn()
  await settle(world)
  if (!world.isOver) world.rules.breaks(`it never ends: ${world.key}`)
}

/** Breadth first over all situations, each reached by its shortest sequence of inputs, played from the beginning. */
export const explore = async (scene: Scene, limits: Limits = {}): Promise<Explored> => {
  const seen = new Set<string>()
  const faults = new Map<string, Fault>()
  let [plays, ended] = [0, 0]
  const full = (): boolean => seen.size >= (limits.states ?? Infinity) || faults.size >= (limits.faults ?? 1)

  const visit = async (inputs: readonly string[]): Promise<World | undefined> => {
    const world = await play(scene, inputs)
    plays++
    if (!world) return undefined
    check(world)
    return world
  }
  const report = ({ rules }: World, inputs: readonly string[], then = ''): boolean => {
    const [message] = rules.broken
    if (message === undefined) return false
    if (!faults.has(message)) faults.set(message, { message: `${message}${then}`, inputs })
    return true
  }
  /** The next situations, if this one is new and sound. */
  const look = async (inputs: readonly string[]): Promise<'void' | 'known' | readonly string[]> => {
    const world = await visit(inputs)
    if (!world) return 'void'
    if (report(world, inputs)) return 'known'
    const { key } = world
    if (seen.has(key)) return 'known'
    seen.add(key)
    if (world.isOver) ended++
    const { inputs: next, lateCalls } = world
    await settleAndEnd(world)
    if (report(world, inputs, ', when all services have done what they were asked')) return 'known'
    late.set(inputs, lateCalls)
    return next
  }
  const late = new Map<readonly string[], readonly string[]>()

  let open: { readonly inputs: readonly string[]; readonly next: readonly string[] }[] = []
  const start = await look([])
  if (Array.isArray(start)) open.push({ inputs: [], next: start })
  while (open.length > 0 && !full()) {
    const further: typeof open = []
    for (const { inputs, next } of open) {
      const calls = late.get(inputs) ?? []
      late.delete(inputs)
      const go = async (input: string): Promise<boolean> => {
        const path = [...inputs, input]
        const found = await look(path)
        if (Array.isArray(found)) further.push({ inputs: path, next: found })
        return found !== 'void'
      }
      for (const input of next) {
        await go(input)
        for (const call of calls) for (let at = 0; await go(`${input}@${at}>${call}`); at++);
        if (full()) break
      }
      if (full()) break
    }
    open = further
  }
  return { states: seen.size, plays, ended, cut: open.length > 0, faults: [...faults.values()] }
}
