import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../../src/core/errors.ts'
import { dependencyFailed, losses } from '../../../src/core/group/dependencies.ts'
import { plan, reversed } from '../../../src/core/plan.ts'
import { isLost, isReady, isSettled, type ServiceState } from '../../../src/core/state.ts'

const error = { name: 'Error', message: 'no' }
const reason = { by: 'call' } as const

describe('what a state means to those that wait', () => {
  test.each<[ServiceState, string]>([
    [{ phase: 'idle' }, ''],
    [{ phase: 'waiting', for: ['db'] }, ''],
    [{ phase: 'starting', attempt: 1 }, ''],
    [{ phase: 'running', health: 'pass' }, 'ready settled'],
    [{ phase: 'running', health: 'fail' }, 'ready settled'],
    [{ phase: 'draining', reason }, ''],
    [{ phase: 'drained' }, ''],
    [{ phase: 'stopping', reason }, ''],
    [{ phase: 'backoff', error, attempt: 1, retryAt: 0 }, ''],
    [{ phase: 'stopped', how: 'ended' }, 'ready settled'],
    [{ phase: 'stopped', how: 'stopped' }, 'settled lost'],
    [{ phase: 'stopped', how: 'forced' }, 'settled lost'],
    [{ phase: 'stopped', how: 'abandoned' }, 'settled lost'],
    [{ phase: 'failed', error }, 'settled lost'],
  ])('%o: %s', (state, meaning) => {
    const said = [isReady(state) && 'ready', isSettled(state) && 'settled', isLost(state) && 'lost']
    expect(said.filter(Boolean).join(' ')).toBe(meaning)
  })
})

/** `b<a` is b that depends on a; a `!` marks one that does not wait any more. */
const lossesOf = (line: string, lost: string, cause?: ServiceError): readonly string[] => {
  const services = line.split(' ').map(word => {
    const [name = '', wanted = ''] = word.replace('!', '').split('<')
    return { name, dependsOn: wanted === '' ? [] : wanted.split('+'), waits: !word.endsWith('!') }
  })
  const nameOf = (node: number): string => services[node]!.name
  const root = services.findIndex(({ name }) => name === lost)
  return losses(root, reversed(plan(services).declared), node => services[node]!.waits).map(
    loss => dependencyFailed(loss, nameOf, cause).message.match(/\((.*)\)/)![1]!,
  )
}

describe('who waits in vain', () => {
  test.each([
    ['nobody, when nobody depends on it', 'a b', 'a', []],
    ['who depends on it', 'a b<a c', 'a', ['b -> a']],
    ['who depends on those, the nearest first', 'c<b b<a a d<a', 'a', ['b -> a', 'd -> a', 'c -> b -> a']],
    ['not who has started, nor those that wait for that', 'a b<a! c<b', 'a', []],
    ['each once, by the shortest way', 'a b<a c<b+a d<c+b', 'a', ['b -> a', 'c -> a', 'd -> b -> a']],
    [
      'a long way is told without its middle',
      'a b<a c<b d<c e<d f<e g<f h<g i<h',
      'a',
      [
        'b -> a',
        'c -> b -> a',
        'd -> c -> b -> a',
        'e -> d -> c -> b -> a',
        'f -> e -> d -> c -> b -> a',
        'g -> f -> e -> d -> c -> b -> a',
        'h -> g -> f -> e -> d -> c -> b -> a',
        'i -> h -> g -> f -> e -> d -> c -> ... -> a',
      ],
    ],
  ])('%s', (_, line, lost, expected) => expect(lossesOf(line, lost)).toEqual(expected))
})

describe('why it fails', () => {
  const loss = { node: 1, root: 0, through: undefined }
  const nameOf = (node: number): string => ['cache', 'api'][node]!

  test('the cause is told, and kept', () => {
    const cause = new ServiceError('ERR_START_FAILED', 'cache', 'service "cache": start failed: no')
    const failure = dependencyFailed(loss, nameOf, cause)
    expect(failure).toMatchObject({ code: 'ERR_DEPENDENCY_FAILED', service: 'api', cause })
    expect(failure.message).toBe(`service "api": can't start (api -> cache): service "cache": start failed: no`)
  })

  test('what was stopped has none', () => {
    const failure = dependencyFailed(loss, nameOf, undefined)
    expect(failure.message).toBe(
      `service "api": can't start (api -> cache): "cache" was stopped; restart that one first`,
    )
    expect('cause' in failure).toBe(false)
  })
})
