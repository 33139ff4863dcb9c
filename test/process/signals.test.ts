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
