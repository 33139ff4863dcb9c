import { service } from 'rx-service-group'
import { drive } from 'rx-service-group/testing'
import { expect, test } from 'vitest'

test('leave tells stop only once the service has drained', async () => {
  let release = (): void => {}
  const log: string[] = []
  const life = drive(
    service('api', {
      drain: async () => {
        await new Promise<void>(resolve => (release = resolve))
        log.push('drained')
      },
      stop: () => void log.push('stop'),
    }),
  )
  await life.until('running')
  const left = life.leave()
  await life.until('draining')
  expect(log).toEqual([])
  release()
  await left
  expect(log).toEqual(['drained', 'stop'])
})

test('leave gives a service without a drain its stop at once', async () => {
  const life = drive(service('db', { stop: () => undefined }))
  await life.until('running')
  await life.leave()
  expect(life.states.map(state => state.phase)).toEqual(['starting', 'running', 'running', 'stopping', 'stopped'])
})

test('leave rejects with what the service ends with while it drains', async () => {
  const life = drive(
    service('api', {
      drain: () => Promise.reject(new Error('no')),
      stop: () => Promise.reject(new Error('closed badly')),
    }),
  )
  await life.until('running')
  await expect(life.leave()).rejects.toThrow()
})
