import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { messageOf } from '../../core/errors.ts'
import { hearOut, LATE_OUTPUT, readLines, within } from '../common/lines.ts'
import type { Ear, Remote } from '../common/remote.ts'
import { lastWords } from './last-words.ts'
import { groupGone, HAS_GROUPS, killAtExit, signalGroup } from './process-group.ts'

/** What is to be run. */
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
  const child = spawn(command, args, {
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
  const outputs = [
    readLines(child.stdout!, line => ear.line(line, 'stdout')),
    readLines(child.stderr!, line => {
      words.add(line)
      return ear.line(line, 'stderr')
    }),
  ]
  /** One that waits until it can write can't hear that it should go. */
  const letItWrite = () => {
    for (const output of outputs) output.hurry(LATE_OUTPUT)
  }

  const verdict = ({ code, signal }: Exit): Error | undefined => {
    if (code === 0 || (killed && signal === 'SIGKILL')) return undefined
    // As a shell says it, and a program that heeds the signal in its own way.
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
    // What it leaves behind when nobody asked it to go would be nobody's.
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

const cantRun = (command: string, cwd: SpawnOptions['cwd'], cause: Error): Error => {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT' && cwd !== undefined && !existsSync(cwd))
    return new Error(`can't run "${command}": there is no folder ${cwd} to run it in`, { cause })
  if (code === 'ENOENT') return new Error(`can't run "${command}": there is no such command`, { cause })
  if (code === 'EACCES') return new Error(`can't run "${command}": it is not executable`, { cause })
  return new Error(`can't run "${command}": ${messageOf(cause)}`, { cause })
}
