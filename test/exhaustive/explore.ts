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
  /** Goes on to the end from every situation: of use where situations that count as the same may differ. */
  readonly everywhere?: boolean
}

/** All promises that can settle by now have. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Plays a sequence from the beginning. `undefined`: a listener was to make a call at an event that did not come. */
export const play = async (scene: Scene, inputs: readonly string[], isHeard = true): Promise<World | undefined> => {
  const world = new World(scene, isHeard)
  for (const input of inputs) {
    const made = world.do(input)
    await turn()
    if (!made) return undefined
  }
  return world
}

/** Every service has done what it was asked to do, and no timer waits. */
const isAtRest = ({ answers, fires }: World): boolean => answers.length === 0 && fires.length === 0

const check = (world: World): void => {
  world.rules.rest(world.isOver || isAtRest(world))
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

/** What the group comes to does not depend on who listens. */
const checkUnheard = async ({ scene, group, rules }: World, inputs: readonly string[]): Promise<void> => {
  if (inputs.some(input => input.includes('@'))) return
  const unheard = (await play(scene, inputs, false))!.group.status
  if (JSON.stringify(unheard) !== JSON.stringify(group.status))
    rules.breaks('without listeners it comes to another status')
}

/** A situation that is new and sound, and what may happen next. */
interface Situation {
  readonly inputs: readonly string[]
  readonly next: readonly string[]
  /** The calls that a listener may make during the next input. */
  readonly late: readonly string[]
}

/** Breadth first over all situations, each reached by its shortest sequence of inputs, played from the beginning. */
export const explore = async (scene: Scene, limits: Limits = {}): Promise<Explored> => {
  const seen = new Set<string>()
  const faults = new Map<string, Fault>()
  const queue: Situation[] = []
  let [plays, ended, looked] = [0, 0, 0]

  const isSound = ({ rules }: World, inputs: readonly string[], when = ''): boolean => {
    const [what] = rules.broken
    if (what !== undefined && !faults.has(what)) faults.set(what, { message: `${what}${when}`, inputs })
    return what === undefined
  }
  /** False when the last input can't be made. */
  const look = async (inputs: readonly string[]): Promise<boolean> => {
    const world = await play(scene, inputs)
    plays++
    if (!world) return false
    check(world)
    const { key } = world
    if (!isSound(world, inputs) || seen.has(key)) return true
    seen.add(key)
    if (world.isOver) ended++
    const { inputs: next, lateCalls: late } = world
    // From anywhere else the answers and timers lead to such a situation, which is looked at in its turn.
    const atRest = isAtRest(world)
    if (atRest) await checkUnheard(world, inputs)
    if (atRest || limits.everywhere) await settleAndEnd(world)
    if (isSound(world, inputs, atRest ? ', at rest' : ', once all is done that was asked'))
      queue.push({ inputs, next, late })
    return true
  }

  await look([])
  for (const { inputs, next, late } of queue) {
    looked++
    for (const input of next) {
      await look([...inputs, input])
      for (const call of late) for (let at = 0; await look([...inputs, `${input}@${at}>${call}`]); at++);
    }
    if (seen.size >= (limits.states ?? Infinity) || faults.size >= (limits.faults ?? 1)) break
  }
  return { states: seen.size, plays, ended, cut: looked < queue.length, faults: [...faults.values()] }
}
