import type { Worker } from 'node:worker_threads'
import { service } from 'rx-service-group'

interface Job {
  readonly id: number
  readonly limit: number
  attempts: number
}

/** The answer of a thread: it is free, or free again, with what the job before has come to. */
export type Answer = { readonly free: true; readonly primes?: number }

/** A job that kills its thread is tried once more, and then dropped. */
const ATTEMPTS = 2

/** Hands jobs to threads: each has one at a time; that of a thread that dies goes to the next one that is free. */
export const dispatcher = () => {
  const queue: Job[] = []
  const free = new Set<Worker>()
  const busy = new Map<Worker, Job>()
  const count = { accepted: 0, done: 0, givenUp: 0 }
  let changed = () => {}

  const handOut = () => {
    for (const thread of free) {
      const job = queue.shift()
      if (!job) break
      free.delete(thread)
      busy.set(thread, job)
      job.attempts++
      thread.postMessage(job)
    }
    changed()
  }
  const onDeath = (thread: Worker) => {
    free.delete(thread)
    const job = busy.get(thread)
    busy.delete(thread)
    if (job && job.attempts < ATTEMPTS) queue.unshift(job)
    else if (job) {
      count.givenUp++
      console.log(`job ${job.id} is given up: it has killed ${job.attempts} threads`)
    }
    handOut()
  }
  const isIdle = () => queue.length + busy.size === 0

  return {
    count,
    add: (limit: number) => {
      queue.push({ id: ++count.accepted, limit, attempts: 0 })
      handOut()
    },
    /** Takes a thread in, for as long as it lives. */
    join: (thread: Worker) => {
      thread.on('message', (answer: Partial<Answer>) => {
        if (!answer.free) return
        if (busy.delete(thread)) count.done++
        free.add(thread)
        handOut()
      })
      thread.once('exit', () => onDeath(thread))
    },
    /** Draining, it waits until every job that was accepted is done, by threads that run on meanwhile. */
    service: (produce: () => () => void) => {
      let stopProducing = () => {}
      return service('jobs', {
        start: () => {
          stopProducing = produce()
        },
        drain: ({ pending }) => {
          stopProducing()
          return new Promise<void>(resolve => {
            changed = () => {
              pending(queue.length + busy.size)
              if (isIdle()) resolve()
            }
            changed()
          })
        },
      })
    },
  }
}
