import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { hearOut, LATE_OUTPUT, type Lines, type OnLine, readLines, within } from '../common/lines.ts'
import type { Ear, Remote } from '../common/remote.ts'
import { lastWords } from './last-words.ts'
import { groupGone, HAS_GROUPS, killAtExit, signalGroup } from './process-group.ts'
import { cantRun } from './spawn-error.ts'

/** The command to run. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly stopSignal: NodeJS.Signals
  /** Whether it has a channel for messages. */
  readonly ipc: boolean
  readonly options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid' | 'argv0'>
}

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Spawns a process as the leader of a group of its own, so that what it spawns itself can be ended with it. */
export const spawnGroup = ({ command, args, stopSignal, ipc, options }: Command, ear: Ear): Remote<ChildProcess> => {
  const child = spawned(command, args, {
    ...options,
    detached: HAS_GROUPS,
    windowsHide: true,
    // Standard input stays open, and ends when this process dies, however it dies.
    stdio: ['pipe', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
  const { pid } = child
  const words = lastWords()
  let asked = false
  let killed = false
  let over = false

  const send = (signal: NodeJS.Signals) => {
    if (over || pid === undefined) return
    if (HAS_GROUPS) signalGroup(pid, signal)
    else child.kill(signal)
  }
  const kill = () => {
    killed = true
    send('SIGKILL')
  }

  child.once('spawn', ear.up).on('message', ear.message)
  child.stdin?.on('error', () => {})
  // Once it runs, what is emitted here is a message that could not be sent: it is leaving.
  const notSpawned = new Promise<Error>(resolve => child.on('error', resolve))
  const exited = new Promise<Exit>(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
  // A process that could not be spawned for want of files has no streams either.
  const outputs = [
    ...lines(child.stdout, line => ear.line(line, 'stdout')),
    ...lines(child.stderr, line => {
      words.add(line)
      return ear.line(line, 'stderr')
    }),
  ]
  /** A process that waits until it can write can't hear that it should go. */
  const letItWrite = () => {
    for (const output of outputs) output.hurry(LATE_OUTPUT)
  }

  const verdict = ({ code, signal }: Exit): Error | undefined => {
    if (code === 0 || (killed && signal === 'SIGKILL')) return undefined
    // As a shell says it, and a program that handles the signal in its own way.
    if (asked && (signal === stopSignal || code === 128 + constants.signals[stopSignal])) return undefined
    const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`
    const summary = words.summary()
    const cause = Object.assign(new Error(words.all() || 'it wrote nothing to standard error'), {
      name: 'StandardError',
      stack: undefined,
      exitCode: code,
      signal,
    })
    return new Error(summary ? `${how}: ${summary}` : how, { cause })
  }
  const end = async (leader: number): Promise<Error | undefined> => {
    const noLonger = killAtExit(leader)
    const exit = await exited
    // Processes that it leaves behind without being asked to end have no owner.
    if (!asked && HAS_GROUPS) signalGroup(leader, 'SIGKILL')
    if (HAS_GROUPS) await groupGone(leader)
    over = true
    noLonger()
    await hearOut(outputs)
    // Someone who left the group may hold its output open for ever.
    await within(LATE_OUTPUT, Promise.all(outputs.map(({ ended }) => ended)))
    for (const stream of child.stdio) stream?.destroy()
    if (child.connected) child.disconnect()
    return verdict(exit)
  }

  return {
    handle: child,
    info: pid === undefined ? {} : { pid },
    gone: pid === undefined ? notSpawned.then(error => cantRun(command, options.cwd, error)) : end(pid),
    tell: step => {
      letItWrite()
      if (child.connected) child.send(step, () => {})
    },
    stop: () => {
      asked = true
      letItWrite()
      send(stopSignal)
    },
    kill,
  }
}

/** Errors that Node throws, instead of telling them by an event, are told in the same words. */
const spawned = (command: string, args: readonly string[], options: SpawnOptions): ChildProcess => {
  try {
    return spawn(command, args, options)
  } catch (error) {
    throw cantRun(command, options.cwd, error)
  }
}

const lines = (stream: Readable | null | undefined, onLine: OnLine): readonly Lines[] =>
  stream ? [readLines(stream, onLine)] : []
