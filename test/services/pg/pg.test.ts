import { Pool, type PoolClient } from 'pg'
import { serviceGroup } from 'rx-service-group'
import { pgPool } from 'rx-service-group/pg'
import { serviceConformance } from 'rx-service-group/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { usePostgres } from '../../support/postgres.ts'

const postgres = usePostgres()
const poolOf = (options: object = {}) => new Pool({ connectionString: postgres.url, ...options })
/** A database that is not there. */
const nowhere = () => postgres.url.replace(/postgres$/, 'nowhere')
const shop = (options: object = {}) => {
  const db = pgPool('db', () => poolOf(options))
  const group = serviceGroup('shop').add(db)
  groups.push(group)
  return { db, group, stateOf: () => group.status.service('shop/db')!.state }
}
const groups: { stop(how: object): unknown }[] = []
afterEach(async () => {
  for (const group of groups.splice(0)) await group.stop({ force: true })
})

describe('a pool is like any other service', () => {
  let db = pgPool('db', poolOf)
  const checks = serviceConformance({
    create: () => (db = pgPool('db', poolOf)),
    use: async () => db.pool.query('select 1'),
    broken: () => pgPool('db', () => new Pool({ connectionString: nowhere() })),
  })
  for (const { name, run } of checks) test(name, run)
})

test('its stop waits for the connections in use, and tells them', async () => {
  const { db, group, stateOf } = shop()
  await group.start()
  const client = await db.pool.connect()
  const stopped = group.stop()
  await expect.poll(stateOf).toMatchObject({ phase: 'stopping', pending: 1 })
  await client.query('select 1')
  client.release()
  expect(await stopped).toMatchObject({ ok: true })
  expect(() => db.pool).toThrow(expect.objectContaining({ code: 'ERR_NOT_STARTED' }))
})

test('forced, it ends the connections in use, and tells how many', async () => {
  const { db, group } = shop()
  await group.start()
  const client = (await db.pool.connect()) as PoolClient
  const answer = client.query('select pg_sleep(60)').catch(({ message }) => message)
  const { services } = await group.stop({ force: true })
  expect(services[0]).toMatchObject({ outcome: 'forced', info: { cut: 1 } })
  expect(await answer).toMatch(/terminated/)
  client.release()
})

test('warns while all connections are in use, and is well when they are given back', async () => {
  const { db, group, stateOf } = shop({ max: 1 })
  await group.start()
  const client = await db.pool.connect()
  const waits = db.pool.query('select 1')
  db.pool.emit('error', new Error('lost'), client)
  const detail = 'all 1 connections are in use, and 1 wait for one'
  await expect.poll(stateOf).toMatchObject({ health: 'warn', detail })
  client.release()
  await waits
  await expect.poll(stateOf).toMatchObject({ health: 'pass' })
}, 20_000)

test('fails by its health while the database is away, and is well once it is back', async () => {
  const { db, group, stateOf } = shop()
  await group.start()
  await db.pool.query('select 1')
  await postgres.stop()
  await expect.poll(stateOf).toMatchObject({ health: 'fail', detail: expect.stringMatching(/^database: /) })
  expect(group.status.ready).toBe(false)
  await postgres.start()
  await expect.poll(stateOf).toMatchObject({ health: 'pass' })
  expect(await group.stop()).toMatchObject({ ok: true })
}, 30_000)

test('the loss of a connection in use ends nothing but its query', async () => {
  const { db, group, stateOf } = shop()
  await group.start()
  const client = await db.pool.connect()
  await postgres.stop()
  try {
    await expect.poll(stateOf).toMatchObject({ health: 'fail' })
    await expect(client.query('select 1')).rejects.toThrow()
    client.release(true)
  } finally {
    await postgres.start()
  }
  await expect.poll(stateOf).toMatchObject({ health: 'pass' })
}, 30_000)

test('fails by its health while the database does not answer', async () => {
  const { db, group, stateOf } = shop()
  await group.start()
  postgres.freeze()
  try {
    db.pool.emit('error', new Error('lost'), undefined as never)
    await expect.poll(stateOf).toMatchObject({ health: 'fail', detail: 'database: no answer in 1 s' })
  } finally {
    postgres.thaw()
  }
  await expect.poll(stateOf).toMatchObject({ health: 'pass' })
}, 30_000)

test('it stops gracefully while the database does not answer', async () => {
  const { db, group, stateOf } = shop()
  await group.start()
  postgres.freeze()
  try {
    db.pool.emit('error', new Error('lost'), undefined as never)
    await expect.poll(stateOf).toMatchObject({ health: 'fail' })
    expect((await group.stop()).services[0]).toMatchObject({ outcome: 'stopped' })
  } finally {
    postgres.thaw()
  }
}, 30_000)

test('waits at its start for a database that is away, and tells why', async () => {
  await postgres.stop()
  const { group, stateOf } = shop()
  const started = group.start()
  try {
    await expect
      .poll(stateOf)
      .toMatchObject({ phase: 'starting', info: { waitsFor: expect.stringMatching(/^database: .*ECONNREFUSED/) } })
  } finally {
    await postgres.start()
  }
  await started
  expect(stateOf()).toMatchObject({ phase: 'running', info: { waitsFor: null } })
}, 30_000)

test('a start that times out tells what the database said', async () => {
  const db = pgPool('db', () => new Pool({ connectionString: 'postgres://postgres@127.0.0.1:1/postgres' }))
  const group = serviceGroup('shop').add(db, { startTimeout: 200 })
  await expect(group.start()).rejects.toThrow(/start timed out after 200 ms.*ECONNREFUSED/)
})

test('a database that refuses fails the start at once', async () => {
  const group = serviceGroup('shop').add(pgPool('db', () => new Pool({ connectionString: nowhere() })))
  await expect(group.start()).rejects.toThrow(/database "nowhere" does not exist/)
})

test.each([
  ['a pool', {}],
  ['nothing', undefined],
])('refuses %s in place of a function', (_, given) => {
  const made = () => pgPool('db', given as never)
  expect(made).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
})
