import { once } from 'node:events'
import { signals } from 'rx-service-group'
import { expect, test } from 'vitest'

test('signals tells the signals asked for, and takes off its own handlers, no others', async () => {
  const mine = () => {}
  process.on('SIGUSR2', mine)
  const told: string[] = []
  const subscription = signals('SIGUSR2', 'SIGHUP').subscribe(signal => told.push(signal))
  expect(process.listenerCount('SIGHUP')).toBe(1)

  const heard = once(process, 'SIGHUP')
  process.kill(process.pid, 'SIGHUP')
  await heard
  expect(told).toEqual(['SIGHUP'])

  subscription.unsubscribe()
  expect(process.listeners('SIGUSR2')).toEqual([mine])
  expect(process.listenerCount('SIGHUP')).toBe(0)
  process.off('SIGUSR2', mine)
})

test.each([
  ['a lower-case name', 'sigterm', /signals names no signal: "sigterm"/],
  ['no name of a signal', 'SIGNOTHING', /signals names no signal: "SIGNOTHING"/],
  ['a number', 15, /signals names no signal: 15/],
  ['SIGKILL', 'SIGKILL', /no process can handle SIGKILL/],
  ['SIGSTOP', 'SIGSTOP', /no process can handle SIGSTOP/],
])('signals refuses %s at once', (_, name, message) => {
  const refused = (): unknown => signals(name as NodeJS.Signals)
  expect(refused).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  expect(refused).toThrow(message)
})

test('signals without names, also from an empty list, tells what a process is told to end with', () => {
  const subscription = signals(...([] as NodeJS.Signals[])).subscribe()
  const heard = ['SIGTERM', 'SIGINT', 'SIGHUP'].map(name => process.listenerCount(name))
  subscription.unsubscribe()
  expect(heard).toEqual([1, 1, 1])
})

test('a signal that this platform lacks may be named, for programs that run on several', () => {
  const subscription = signals('SIGBREAK', 'SIGUSR2').subscribe()
  expect(process.listenerCount('SIGUSR2')).toBe(1)
  subscription.unsubscribe()
})
