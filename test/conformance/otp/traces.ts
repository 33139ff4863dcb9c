import { readFileSync } from 'node:fs'

/** One child of a recorded supervisor. */
export interface RecordedChild {
  readonly name: string
  readonly restart: 'permanent' | 'transient' | 'temporary'
  /** How long it may take to terminate, in milliseconds. */
  readonly shutdown: number
  readonly significant?: boolean
  readonly terminate?: 'crash' | 'hang'
  /** Which of its starts fail, from 1. */
  readonly fails?: readonly number[]
}

export interface RecordedSupervisor {
  readonly name: string
  readonly strategy: 'one_for_one' | 'rest_for_one' | 'one_for_all'
  readonly intensity: number
  /** In seconds, as OTP has it. */
  readonly period: number
  readonly auto_shutdown?: 'any_significant'
  /** One that is a child itself. */
  readonly restart?: 'permanent'
  readonly children: readonly Recorded[]
}

export type Recorded = RecordedChild | RecordedSupervisor

/** Something done to the tree, and all that was seen until it was calm again. */
export interface Step {
  readonly do: string
  readonly seen: readonly string[]
}

export interface Scenario {
  readonly name: string
  readonly supervisor: RecordedSupervisor
  readonly steps: readonly Step[]
}

interface Recording {
  readonly otp: string
  readonly scenarios: readonly Scenario[]
}

/** What `record.escript` saw. */
export const recording: Recording = JSON.parse(readFileSync(new URL('traces.json', import.meta.url), 'utf8'))

/** @throws Error when nothing was recorded under that name */
export const recorded = (name: string): Scenario => {
  const found = recording.scenarios.find(scenario => scenario.name === name)
  if (!found) throw new Error(`there is no recording of "${name}"`)
  return found
}

export const isSupervisor = (recorded: Recorded): recorded is RecordedSupervisor => 'children' in recorded

/** All supervisors of a tree, each before those inside it. */
export const supervisorsOf = (supervisor: RecordedSupervisor): readonly RecordedSupervisor[] => [
  supervisor,
  ...supervisor.children.filter(isSupervisor).flatMap(supervisorsOf),
]

/** All children of a tree, in the order in which they start. */
export const childrenOf = (supervisor: RecordedSupervisor): readonly RecordedChild[] =>
  supervisor.children.flatMap(child => (isSupervisor(child) ? childrenOf(child) : [child]))

/**
 * The steps as a group is held to: every start, every stop and every end, with its reason, of every child, and every
 * start and end of every supervisor, in order. Two things are left out. A gen_server is terminated also when it has
 * crashed or ended by itself, while a service that says it is gone has nothing left to stop. A supervisor exits with
 * `shutdown` whether it was asked to or has given up, while a group says which and why: tests ask for that themselves.
 */
export const comparable = ({ supervisor, steps }: Scenario): readonly Step[] => {
  const supervisors = supervisorsOf(supervisor).map(({ name }) => name)
  const told = (event: string): readonly string[] => {
    const [what, name = '', reason] = event.split(' ')
    if (what === 'terminate' && reason !== 'shutdown') return []
    return [what === 'exit' && supervisors.includes(name) ? `exit ${name}` : event]
  }
  return steps.map(step => ({ do: step.do, seen: step.seen.flatMap(told) }))
}
