import type { Worker } from 'node:worker_threads'
import { serviceConformance } from 'rx-service-group/testing'
import { worker } from 'rx-service-group/worker'
import { describe, test } from 'vitest'
import { scripts } from '../../support/scripts.ts'
import { talkWith } from '../../support/talk.ts'

const script = scripts()

/** Answers at once, or when it is let; what it is at is its work. */
const ANSWERING = `
  import { parentPort } from 'node:worker_threads'
  import { service } from 'rx-service-group'
  import { inThread } from 'rx-service-group/worker'

  let busy = 0
  let idle = () => {}
  const end = () => { busy--; idle(); parentPort.postMessage('done') }
  const jobs = {
    quick: () => parentPort.postMessage('done'),
    slow: () => { busy++; parentPort.postMessage('begun') },
    go: () => busy > 0 && end(),
    die: () => { throw new Error('poisoned') },
  }
  const onMessage = job => jobs[job]?.()
  await inThread(service('pool', {
    start: () => void parentPort.on('message', onMessage),
    drain: ({ pending }) => {
      pending(busy)
      if (busy > 0) return new Promise(resolve => { idle = resolve })
    },
    stop: () => void parentPort.off('message', onMessage),
  }))`

describe('a worker thread is like any other service', () => {
  const file = script(ANSWERING)
  let thread: Worker
  const attach = (one: Worker) => {
    thread = one
  }
  const checks = serviceConformance({
    ...talkWith(
      () => thread,
      word => thread.postMessage(word),
    ),
    create: () => worker('pool', file, { attach }),
    broken: () => worker('pool', '/nowhere/at-all.js'),
  })
  for (const { name, run } of checks) test(name, run, 20_000)
})
