import { job, type ServiceError } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { plain, rejectionOf, shopUnderVirtualTime } from './setup.ts'

describe('the end of an `await using` block', () => {
  test('T4 rejects with all that its report names, the first cause first', async () => {
    const { shop } = shopUnderVirtualTime()
    const stop = (why: string) => () => Promise.reject(new Error(why))
    shop.add(plain('db', { stop: stop('the pool is busy') })).add(plain('api', { stop: stop('no route') }))
    await shop.start()
    const error = (await rejectionOf(shop[Symbol.asyncDispose]())) as ServiceError
    expect(error).toMatchObject({ code: 'ERR_GROUP_FAILED', service: 'shop' })
    const messages = ['service "api": stop failed: no route', 'service "db": stop failed: the pool is busy']
    expect(error.message).toBe(`group "shop": did not stop gracefully: ${messages.join('; ')}`)
    expect(error.errors.map(each => (each as Error).message)).toEqual(messages)
    expect(error.cause).toBe(error.errors[0])
  })

  test('T4 names what ran out of its time, though nothing has failed', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('api', { drain: 'waits' }), { drainTimeout: 100 })
    await shop.start()
    const disposed = rejectionOf(shop[Symbol.asyncDispose]())
    await time.advance(100)
    expect(await disposed).toMatchObject({
      message: 'group "shop": did not stop gracefully: shop/api ran out of its drain time',
    })
  })

  test('T4 resolves when all has gone well, and when start() has told what went wrong', async () => {
    const { shop: well } = shopUnderVirtualTime()
    await well.add(job('import', () => undefined)).start()
    await well[Symbol.asyncDispose]()
    const { shop: badly } = shopUnderVirtualTime()
    badly.add(plain('db', { start: 'rejects' }))
    expect(await rejectionOf(badly.start())).toMatchObject({ code: 'ERR_GROUP_FAILED' })
    await badly[Symbol.asyncDispose]()
  })
})
