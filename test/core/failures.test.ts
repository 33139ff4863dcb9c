import { type HookResult, job, type ServiceHooks, service, serviceGroup, task } from 'rx-service-group'
import { asapScheduler, type Observable, scheduled, throwError } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { errorInfo } from '../../src/core/errors.ts'
import { Life, turn } from './life.ts'

const cause = new RangeError('no route')

/** The ways to fail that a hook has. */
const ways: Readonly<Record<string, () => HookResult>> = {
  'a synchronous throw': () => {
    throw cause
  },
  'a rejection': () => Promise.reject(cause),
  'an async function that throws': async () => {
    throw cause
  },
  'an Observable error': () => throwError(() => cause),
  'a late Observable error': (): Observable<never> =>
    scheduled(
      throwError(() => cause),
      asapScheduler,
    ),
}

const hooks: readonly (keyof ServiceHooks)[] = ['start', 'unready', 'drain', 'stop']

/** All that is left of a life: what was said, and the error, stack aside. */
const ending = async (life: Life): Promise<unknown> => {
  for (const step of ['unready', 'drain', 'stop'] as const) {
    await turn()
    await life.asked(step)
  }
  await turn()
  const { stack, ...error } = errorInfo(life.error)
  expect(stack).toContain('ServiceError')
  return { said: life.said, error }
}

describe('S13 a synchronous throw, a rejection and an Observable error end in the same state and error shape', () => {
  const code = (hook: keyof ServiceHooks): string => `ERR_${hook.toUpperCase()}_FAILED`

  test.each(hooks)('in %s', async hook => {
    const endings = await Promise.all(
      Object.values(ways).map(way => ending(new Life(service('db', { drain: () => turn(), [hook]: way })))),
    )
    for (const one of endings) expect(one).toEqual(endings[0])
    expect(endings[0]).toMatchObject({
      error: {
        name: 'ServiceError',
        code: code(hook),
        service: 'db',
        message: `service "db": ${hook} failed: no route`,
        cause: { name: 'RangeError', message: 'no route' },
      },
    })
  })

  test('in force', async () => {
    const endings = await Promise.all(
      Object.values(ways).map(async force => {
        const life = new Life(service('db', { stop: () => turn(), force }))
        await life.asked('force')
        return ending(life)
      }),
    )
    for (const one of endings) expect(one).toEqual(endings[0])
    expect(endings[0]).toMatchObject({
      error: { code: 'ERR_STOP_FAILED', message: 'service "db": force failed: no route' },
    })
  })

  test.each([
    ['a task', task, 'ERR_SERVICE_FAILED', 'service "db": failed: no route'],
    ['a job', job, 'ERR_START_FAILED', 'service "db": start failed: no route'],
  ] as const)('in %s', async (_, make, expectedCode, message) => {
    const endings = await Promise.all(Object.values(ways).map(way => ending(new Life(make('db', way)))))
    for (const one of endings) expect(one).toEqual(endings[0])
    expect(endings[0]).toMatchObject({ error: { code: expectedCode, message, cause: { message: 'no route' } } })
  })

  test('and by fail() the same as by a task that fails', async () => {
    const failing = new Life(task('db', ({ fail }) => fail(cause)))
    const throwing = new Life(task('db', () => Promise.reject(cause)))
    expect(await ending(failing)).toEqual(await ending(throwing))
  })

  test('in a group, whichever way its service fails to start', async () => {
    const outcomes = await Promise.all(
      Object.values(ways).map(async start => {
        const group = serviceGroup('shop').add(service('a', {})).add(service('db', { start }))
        const rejected: unknown = await group.start().catch(error => error)
        const { trigger, services, errors, outcome, ok } = group.report
        const paths = services.map(one => [one.path, one.outcome, one.timedOut])
        const brief = { rejected: errorInfo(rejected), trigger, errors, outcome, ok, paths }
        return JSON.parse(JSON.stringify(brief, (key, value) => (key === 'stack' ? undefined : value)))
      }),
    )
    for (const one of outcomes) expect(one).toEqual(outcomes[0])
    expect(outcomes[0]).toMatchObject({
      ok: false,
      outcome: 'failed',
      rejected: { code: 'ERR_GROUP_FAILED', service: 'shop/db', cause: { code: 'ERR_START_FAILED', service: 'db' } },
      paths: [
        ['shop/a', 'stopped', []],
        ['shop/db', 'failed', []],
      ],
    })
  })

  test.each<[string, unknown]>([
    ['a string', 'no route'],
    ['undefined', undefined],
    ['null', null],
    ['an object without a prototype', Object.create(null)],
  ])('also when what is thrown is %s', async (_, thrown) => {
    const throwing = (): never => {
      throw thrown
    }
    const endings = [throwing, () => Promise.reject(thrown), () => throwError(() => thrown)].map(start =>
      ending(new Life(service('db', { start }))),
    )
    const [first, ...others] = await Promise.all(endings)
    for (const other of others) expect(other).toEqual(first)
    expect(first).toMatchObject({ said: ['starting', '# ERR_START_FAILED'] })
  })
})
