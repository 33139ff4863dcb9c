import type { ErrorInfo, ServiceState, ServiceStatus, StopReason } from 'rx-service-group'
import { expect, test } from 'vitest'
import { newStatus } from '../../../src/core/status/service-status.ts'
import { stageEnded } from '../../../src/core/status/stages.ts'

const error = (code: string, more: Partial<ErrorInfo> = {}): ErrorInfo => ({
  name: 'ServiceError',
  message: code,
  code,
  ...more,
})
const failure = (service: string, code: string): StopReason => ({ by: 'failure', service, error: error(code) })
const call: StopReason = { by: 'call' }

const starting: ServiceState = { phase: 'starting', attempt: 1 }
const running: ServiceState = { phase: 'running', health: 'pass' }
const draining: ServiceState = { phase: 'draining', reason: call }
const stopping = (reason: StopReason = call): ServiceState => ({ phase: 'stopping', reason })
const stopped = (how: 'ended' | 'stopped' | 'forced' | 'abandoned', why?: ErrorInfo): ServiceState => ({
  phase: 'stopped',
  how,
  ...(why && { error: why }),
})
const failed = (why: ErrorInfo): ServiceState => ({ phase: 'failed', error: why })
const backoff = (why: ErrorInfo): ServiceState => ({ phase: 'backoff', error: why, attempt: 2, retryAt: 500 })
const limit = (cause: ErrorInfo): ErrorInfo => error('ERR_RESTART_LIMIT', { cause })

const of = (state: ServiceState, path = 'shop/db'): ServiceStatus => ({ ...newStatus(path, 1, 0), state })
const word = (before: ServiceState, after: ServiceState, path?: string): string | undefined => {
  const end = stageEnded(of(before, path), after)
  return end && `${end.stage} ${end.outcome}${end.error ? ` ${end.error.code}` : ''}`
}

test.each<readonly [string, ServiceState, ServiceState, string | undefined]>([
  ['it runs', starting, running, 'start ok'],
  ['a job has ended well', starting, stopped('ended'), 'start ok'],
  ['its start fails', starting, failed(error('ERR_START_FAILED')), 'start failed ERR_START_FAILED'],
  ['its start fails and is tried again', starting, backoff(error('ERR_START_FAILED')), 'start failed ERR_START_FAILED'],
  ['its last restart fails', starting, failed(limit(error('ERR_START_FAILED'))), 'start failed ERR_RESTART_LIMIT'],
  [
    'its start time runs out',
    starting,
    stopping(failure('db', 'ERR_START_TIMEOUT')),
    'start timeout ERR_START_TIMEOUT',
  ],
  [
    'a start that ran out of time tells so at its end',
    starting,
    failed(error('ERR_START_TIMEOUT')),
    'start timeout ERR_START_TIMEOUT',
  ],
  ['it is asked to end while it starts', starting, stopping(), 'start cancelled'],
  ['another fails while it starts', starting, stopping(failure('shop/api', 'ERR_START_TIMEOUT')), 'start cancelled'],
  [
    'a service of its own fails while it starts',
    starting,
    stopping(failure('db/disk', 'ERR_START_TIMEOUT')),
    'start failed ERR_START_TIMEOUT',
  ],
  ['it is abandoned while it starts', starting, stopped('abandoned', error('ERR_ABANDONED')), 'start cancelled'],
  ['it has drained', draining, { phase: 'drained' }, 'drain ok'],
  ['its drain time runs out', draining, { phase: 'drained', timedOut: true }, 'drain timeout'],
  ['it is forced while it drains', draining, stopping(), 'drain forced'],
  ['its drain fails', draining, failed(error('ERR_DRAIN_FAILED')), 'drain failed ERR_DRAIN_FAILED'],
  ['it ends while it drains', draining, stopped('ended'), 'drain ok'],
  ['it is abandoned while it drains', draining, stopped('abandoned'), 'drain abandoned'],
  ['it has stopped', stopping(), stopped('stopped'), 'stop ok'],
  ['it ended before it was stopped', stopping(), stopped('ended'), 'stop ok'],
  ['its stop time runs out', stopping(), stopped('forced', error('ERR_STOP_TIMEOUT')), 'stop timeout ERR_STOP_TIMEOUT'],
  [
    'its stop time runs out, and its stop fails',
    stopping(),
    failed(error('ERR_STOP_TIMEOUT')),
    'stop timeout ERR_STOP_TIMEOUT',
  ],
  ['it is forced with all others', stopping(), stopped('forced'), 'stop forced'],
  ['it does not let go', stopping(), stopped('abandoned', error('ERR_ABANDONED')), 'stop abandoned ERR_ABANDONED'],
  ['its stop fails', stopping(), failed(error('ERR_STOP_FAILED')), 'stop failed ERR_STOP_FAILED'],
  ['its stop fails, and it is restarted', stopping(), backoff(error('ERR_STOP_FAILED')), 'stop failed ERR_STOP_FAILED'],
  [
    'it stops well because its start took too long',
    stopping(failure('db', 'ERR_START_TIMEOUT')),
    failed(error('ERR_START_TIMEOUT')),
    'stop ok',
  ],
  [
    'it stops well because its last start took too long',
    stopping(failure('db', 'ERR_START_TIMEOUT')),
    failed(limit(error('ERR_START_TIMEOUT'))),
    'stop ok',
  ],
  [
    'it stops well because it is not well',
    stopping(failure('db', 'ERR_UNHEALTHY')),
    backoff(error('ERR_UNHEALTHY')),
    'stop ok',
  ],
  ['it is restarted by hand', stopping(), starting, 'stop ok'],
  ['it is restarted with what it depends on', stopping(), { phase: 'waiting', for: ['a'] }, 'stop ok'],
  ['it fails while it runs', running, failed(error('ERR_SERVICE_FAILED')), undefined],
  ['it has news while it stops', stopping(), { phase: 'stopping', reason: call, pending: 2 }, undefined],
])('%s', (_, before, after, expected) => expect(word(before, after)).toBe(expected))

test('a group whose own start time runs out', () => {
  expect(word(starting, stopping(failure('shop', 'ERR_START_TIMEOUT')), 'shop')).toBe('start timeout ERR_START_TIMEOUT')
})

test('a group with a service whose start time runs out', () => {
  expect(word(starting, stopping(failure('shop/db', 'ERR_START_TIMEOUT')), 'shop')).toBe(
    'start failed ERR_START_TIMEOUT',
  )
})
