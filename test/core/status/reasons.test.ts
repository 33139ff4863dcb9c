import type { ServiceState } from 'rx-service-group'
import { expect, test } from 'vitest'
import { foldStatus } from '../../../src/core/status/status.ts'
import { idle } from '../../views/dashboard/support/events.ts'

const reasonsOf = (...services: readonly (readonly [name: string, state: ServiceState, dependsOn?: string[]])[]) =>
  foldStatus(undefined, {
    kind: 'snapshot',
    seq: 0,
    at: 0,
    health: 'pass',
    group: idle('shop', 0, { state: { phase: 'starting', attempt: 1 } }),
    services: services.map(([name, state, dependsOn]) =>
      idle(`shop/${name}`, 0, { state, ...(dependsOn && { dependsOn }) }),
    ),
  }).reasons.flatMap(({ path, through }) => (through ? [`${path} <- ${through}`] : [path]))

test('a nested group that has not started waits for what is before it, and what is in it waits for the group', () => {
  const starting = { phase: 'starting', attempt: 1 } as const
  expect(
    reasonsOf(
      ['db', starting],
      ['workers', { phase: 'waiting', for: ['db'] }],
      ['workers/queue', { phase: 'idle' }],
      ['workers/mailer', { phase: 'idle' }, ['queue']],
    ),
  ).toEqual([
    'shop',
    'shop/db',
    'shop/workers <- shop/db',
    'shop/workers/queue <- shop/workers',
    'shop/workers/mailer <- shop/workers',
  ])
})

test('a nested group that starts does so through what is in it', () => {
  const starting = { phase: 'starting', attempt: 1 } as const
  expect(
    reasonsOf(
      ['workers', starting],
      ['workers/queue', starting],
      ['workers/mailer', { phase: 'waiting', for: ['queue'] }],
    ),
  ).toEqual([
    'shop',
    'shop/workers <- shop/workers/queue,shop/workers/mailer',
    'shop/workers/queue',
    'shop/workers/mailer <- shop/workers/queue',
  ])
})
