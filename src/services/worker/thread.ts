import { Worker, type WorkerOptions } from 'node:worker_threads'
import { isError, messageOf } from '../../core/errors.ts'
import { hearOut, readLines } from '../common/lines.ts'
import type { Ear, Remote } from '../common/remote.ts'

const LOADED = 'rx-service-group:loaded'

/**
 * Node tells when a thread begins to run, not when its file has been loaded, or why that failed. So this is what it
 * begins with.
 */
const loader = (href: string): string => `
  import(${JSON.stringify(href)}).then(() =>
    process.getBuiltinModule('node:worker_threads').parentPort.postMessage('${LOADED}'))`

/** Starts a thread. */
export const openThread = (name: string, file: URL, options: WorkerOptions, ear: Ear): Remote<Worker> => {
  const thread = new Worker(loader(file.href), { ...options, name, eval: true, stdout: true, stderr: true })
  let loaded = false
  let killed = false
  let crash: Error | undefined

  const onMessage = (message: unknown) => {
    if (message !== LOADED) return ear.message(message)
    loaded = true
    ear.up()
  }
  const verdict = (code: number): Error | undefined => {
    if (killed) return undefined
    if (crash) return loaded ? crash : new Error(`can't load ${where(file)}: ${messageOf(crash)}`, { cause: crash })
    return code === 0 ? undefined : Object.assign(new Error(`exited with code ${code}`), { exitCode: code })
  }
  const kill = () => {
    killed = true
    void thread.terminate()
  }

  thread.on('message', onMessage).on('error', (error: unknown) => {
    crash = isError(error) ? error : new Error(messageOf(error))
  })
  const exited = new Promise<number>(resolve => thread.once('exit', resolve))
  const outputs = [
    readLines(thread.stdout, line => ear.line(line, 'stdout')),
    readLines(thread.stderr, line => ear.line(line, 'stderr')),
  ]
  const end = async (): Promise<Error | undefined> => {
    const code = await exited
    await hearOut(outputs)
    // Its streams end with it: what is left is told now.
    await Promise.all(outputs.map(({ ended }) => ended))
    return verdict(code)
  }
  return {
    handle: thread,
    info: { threadId: thread.threadId },
    gone: end(),
    tell: step => thread.postMessage(step),
    stop: (reason, hears) => {
      if (hears) thread.postMessage({ service: 'stop', reason })
      else kill()
    },
    kill,
  }
}

const where = ({ protocol, pathname }: URL): string =>
  protocol === 'file:' ? decodeURI(pathname) : `a ${protocol} URL`
