import { lastValueFrom, tap } from 'rxjs'
import { messageOf } from '../../core/errors.ts'
import type { ServiceHooks } from '../../core/service.ts'
import { cutInfo, type UnderWay } from '../common/cut.ts'
import { makeInFlight } from '../common/in-flight.ts'
import { answered, type BullmqJob, type BullmqWorker, type Processor } from './worker.ts'

const titleOf = ({ queueName, name, id }: BullmqJob): string => `${queueName ?? name}/${id ?? name}`

/** One incarnation. `letGo` releases everything, whatever has happened before. */
export interface Life {
  readonly hooks: ServiceHooks
  readonly letGo: () => void
}

export const makeLife = <Handler extends Processor>(
  processor: Handler,
  create: (processor: Handler) => BullmqWorker,
): Life => {
  const jobs = makeInFlight<UnderWay>()
  let worker: BullmqWorker | undefined
  let isAway = false
  let over = false

  // BullMQ makes a signal only for a function that declares three parameters.
  const counted = async (job: BullmqJob, token?: string, signal?: AbortSignal | undefined) => {
    const work = { what: titleOf(job), since: performance.now() }
    jobs.take(work)
    try {
      return await processor(job, token, signal)
    } finally {
      jobs.release(work)
    }
  }

  /** A graceful close waits for the jobs and for Redis. One that is forced drops the connections. */
  const close = async (force: boolean): Promise<void> => {
    over = true
    if (force) worker?.cancelAllJobs?.('the service stops')
    await worker?.close(force)
  }

  const hooks: ServiceHooks = {
    start: async ({ signal, info, setHealth, workFailed }) => {
      worker = create(counted as unknown as Handler)
      let isRunning = false
      let lastError: unknown
      worker.on('failed', (job, error) => workFailed(job ? `job ${titleOf(job)}` : 'a job', error))
      worker.on('error', async error => {
        if (over) return
        lastError = error
        const detail = `Redis: ${messageOf(error)}`
        if (isRunning) setHealth('fail', detail)
        else info({ waitsFor: detail })
        if (isAway) return
        isAway = true
        await answered(worker!).catch(() => {})
        isAway = false
        if (isRunning && !over) setHealth('pass')
      })
      const cancelled = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(lastError ?? signal.reason), { once: true })
      })
      try {
        await Promise.race([worker.waitUntilReady(), cancelled])
      } catch (error) {
        await close(true)
        throw error
      }
      isRunning = true
      if (lastError !== undefined) info({ waitsFor: null })
      // It runs by itself unless it was made with `autorun: false`.
      if (!worker.isRunning()) worker.run().catch(error => workFailed('the worker', error))
    },
    drain: async ({ pending }) => {
      const left$ = jobs.untilEmpty$().pipe(tap(pending))
      const paused = worker!.pause().catch(error => {
        if (!over) throw error
      })
      await lastValueFrom(left$, { defaultValue: 0 })
      // A pause ends when Redis has answered. Without Redis it is enough that the jobs are done.
      if (!isAway) await paused
      // It connects again at its end, also when the worker was closed meanwhile.
      if (over) await worker!.disconnect()
    },
    stop: async ({ info }) => {
      const left = jobs.all()
      if (left.length > 0) info(cutInfo(left))
      await close(left.length > 0 || isAway)
    },
    force: () => worker?.disconnect(),
  }
  return { hooks, letGo: () => void close(true).catch(() => {}) }
}
