import type { ConsumeMessage } from 'amqplib'
import type { OnError } from 'rx-service-group/amqp'
import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../../src/core/errors.ts'
import { decide, delayAfter } from '../../../src/services/amqp/consumer/policy.ts'

const retry = { limit: 3, initialDelay: 1000, factor: 2, maxDelay: 5000 }
const message = {} as ConsumeMessage
const failed = new Error('no stock')
const badBody = new ServiceError('ERR_AMQP_BODY', 'orders', 'not JSON')

describe('how long a message waits after so many attempts', () => {
  test.for([
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [4, 5000],
    [1000, 5000],
  ] as const)('after attempt %i: %i ms', ([attempt, delay]) => {
    expect(delayAfter(attempt, retry)).toBe(delay)
  })

  test('in whole milliseconds, whatever the factor', () => {
    expect(delayAfter(3, { ...retry, initialDelay: 10, factor: 1.23 })).toBe(15)
  })
})

describe('what becomes of a message that failed', () => {
  const retryBadBodies: OnError = () => 'retry'
  const throws: OnError = () => {
    throw new Error('in the policy')
  }
  const nonsense = (() => 'resurrect') as unknown as OnError
  const byAttempt: OnError = (error, { attempt }) => (error === failed && attempt === 2 ? 'drop' : 'dead-letter')

  test.for([
    ['retry', failed, 1, 'retry'],
    ['retry', failed, 2, 'retry'],
    ['retry', failed, 3, 'park'],
    ['retry', failed, 4, 'park'],
    ['retry', badBody, 1, 'park'],
    ['drop', failed, 1, 'drop'],
    ['drop', badBody, 1, 'drop'],
    ['dead-letter', failed, 9, 'dead-letter'],
    ['requeue', failed, 9, 'requeue'],
    ['park', failed, 1, 'park'],
    [byAttempt, failed, 2, 'drop'],
    [byAttempt, failed, 1, 'dead-letter'],
    [retryBadBodies, badBody, 1, 'retry'],
    [retryBadBodies, badBody, 3, 'park'],
    [throws, failed, 1, 'retry'],
    [throws, failed, 3, 'park'],
    [nonsense, failed, 1, 'retry'],
  ] as const)('%s, %s, attempt %i: %s', ([onError, error, attempt, outcome]) => {
    expect(decide(onError, retry, error, message, attempt)).toBe(outcome)
  })
})
