import type { ChildProcess } from 'node:child_process'
import { childProcess } from 'rx-service-group/child-process'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'
import { scripts } from '../../support/scripts.ts'
import { talkWith } from '../../support/talk.ts'

const script = scripts()

/** Knows nothing of the library. Answers at once, or when it is let; what it is at is its work. */
const ANSWERING = `
  let busy = 0
  let draining = false
  const say = word => process.connected && process.send(word)
  const look = () => {
    say({ service: 'pending', count: busy })
    if (draining && busy === 0) say({ service: 'drained' })
  }
  process.on('message', message => {
    if (message === 'quick') say('done')
    if (message === 'die') throw new Error('poisoned')
    if (message === 'slow') {
      busy++
      say('begun')
    }
    if (message === 'go' && busy > 0) {
      busy--
      say('done')
      look()
    }
    if (message.service === 'drain') {
      draining = true
      look()
    }
  })
  say({ service: 'ready', drain: true })`

describe('a child process is like any other service', () => {
  const file = script(ANSWERING)
  let child: ChildProcess
  const attach = (one: ChildProcess) => {
    child = one
  }
  const checks = serviceConformance({
    ...talkWith(
      () => child,
      word => child.connected && child.send(word),
    ),
    create: () => childProcess('api', process.execPath, [file], { ready: 'message', output: () => {}, attach }),
    broken: () => childProcess('api', 'no-such-command'),
  })
  for (const { name, run } of checks) test(name, run, 20_000)
})
