import type { ChannelModel, ConsumeMessage } from 'amqplib'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { featuresOf } from '../../../src/services/amqp/connection/features.ts'
import { Delivery } from '../../../src/services/amqp/consumer/delivery.ts'
import { makeOffsets } from '../../../src/services/amqp/consumer/offsets.ts'
import { makePlaces } from '../../../src/services/amqp/consumer/places.ts'
import { PATIENCE, watchProgress } from '../../../src/services/amqp/consumer/progress.ts'
import { makeReturned } from '../../../src/services/amqp/consumer/returned.ts'

const message = (body: string, headers: Record<string, unknown> = {}): ConsumeMessage =>
  ({
    content: Buffer.from(body),
    fields: { exchange: '', routingKey: 'orders', redelivered: false },
    properties: { headers },
  }) as unknown as ConsumeMessage
const delivery = (body: string) => new Delivery(message(body), {} as never, 'orders')

describe('places', () => {
  test('are taken up to the limit, and freed for those that wait, the oldest first', () => {
    const log: string[] = []
    const places = makePlaces(2, ({ message }) => {
      log.push(String(message.content))
      return true
    })
    for (const body of ['a', 'b', 'c', 'd']) places.take(delivery(body))
    expect(log.splice(0)).toEqual(['a', 'b'])
    expect(places.areFull).toBe(true)
    places.free()
    expect(log.splice(0)).toEqual(['c'])
    places.free()
    places.free()
    expect(log).toEqual(['d'])
    expect(places.areFull).toBe(false)
  })

  test('are not taken by a message that was dealt with otherwise', () => {
    const places = makePlaces(1, ({ message }) => String(message.content) !== 'poison')
    places.take(delivery('poison'))
    expect(places.areFull).toBe(false)
  })

  test('are freed a hundred thousand times in a row by handlers that end at once', () => {
    let handled = 0
    let isOpen = false
    const places = makePlaces(1, () => {
      handled++
      if (isOpen) places.free()
      return true
    })
    for (let n = 0; n < 100_000; n++) places.take(delivery('x'))
    isOpen = true
    places.free()
    expect(handled).toBe(100_000)
    expect(places.areFull).toBe(false)
  })

  test('give up those that wait', () => {
    const places = makePlaces(1, () => true)
    const [a, b] = [delivery('a'), delivery('b')]
    places.take(a)
    places.take(b)
    expect(places.clear()).toEqual([b])
    expect(places.clear()).toEqual([])
  })
})

describe('messages that went back', () => {
  test('are known by their content and particulars, once each', () => {
    const returned = makeReturned()
    const one = delivery('one')
    one.attempt = 3
    returned.remember(one)
    expect(returned.recall(message('two'))).toBe(undefined)
    expect(returned.recall(message('one'))).toEqual({ attempt: 3, delivery: one })
    expect(returned.recall(message('one'))).toBe(undefined)
  })

  test('and are the same are recalled one by one, the one whose handler runs first', () => {
    const returned = makeReturned()
    const [idle, running] = [delivery('same'), delivery('same')]
    running.handled = true
    returned.remember(idle)
    returned.remember(running)
    expect(returned.recall(message('same'), true)?.delivery).toBe(running)
    expect(returned.recall(message('same'), true)).toBe(undefined)
    expect(returned.recall(message('same'))?.delivery).toBe(idle)
  })

  test('and never come again are forgotten, the oldest first', () => {
    const returned = makeReturned()
    for (let n = 0; n <= 10_000; n++) returned.remember(delivery(String(n)))
    expect(returned.recall(message('0'))).toBe(undefined)
    expect(returned.recall(message('1'))).toBeDefined()
    expect(returned.recall(message('10000'))).toBeDefined()
  })
})

describe('the offset of a stream', () => {
  const at = (offset: number) => message(String(offset), { 'x-stream-offset': offset })

  test('is where all before it is settled, whatever order that happens in', () => {
    const offsets = makeOffsets('first')
    expect(offsets.argument()).toBe('first')
    for (const offset of [5, 6, 7, 8]) expect(offsets.came(at(offset))).toBe(true)
    offsets.settled(at(7))
    expect(offsets.argument()).toBe(5)
    offsets.settled(at(5))
    expect(offsets.argument()).toBe(6)
    offsets.settled(at(6))
    expect(offsets.argument()).toBe(8)
    offsets.settled(at(8))
    expect(offsets.argument()).toBe(9)
  })

  test('leaves out what was settled before the connection was lost', () => {
    const offsets = makeOffsets(5)
    for (const offset of [5, 6, 7]) offsets.came(at(offset))
    offsets.settled(at(6))
    offsets.lost()
    expect([4, 5, 6, 7, 8].map(offset => offsets.came(at(offset)))).toEqual([false, true, false, true, true])
  })

  test('of what comes next is the time of the first look, if the connection is lost before anything came', () => {
    const offsets = makeOffsets('next')
    const before = Math.floor(Date.now() / 1000)
    expect(offsets.argument()).toBe('next')
    const { '!': type, value } = offsets.argument() as { '!': string; value: number }
    expect(type).toBe('timestamp')
    expect(value).toBeGreaterThanOrEqual(before)
    expect(value).toBeLessThanOrEqual(before + 2)
  })
})

describe('no progress', () => {
  const watch = () => {
    const clock = new VirtualTimeScheduler()
    const log: (string | undefined)[] = []
    const state = { full: true }
    const progress = watchProgress(
      () => state.full,
      why => log.push(why),
      clock,
    )
    const pass = (ms: number) => {
      clock.maxFrames = clock.frame + ms
      clock.flush()
    }
    return { log, state, progress, pass }
  }

  test('is told when all places were taken for long and nothing has ended, and withdrawn when something does', () => {
    const { log, progress, pass } = watch()
    pass(2 * PATIENCE + 1)
    expect(log.at(-1)).toBe('no message has come to its end for 5 min, and all places are taken')
    progress.made()
    expect(log.at(-1)).toBe(undefined)
    progress.stop()
  })

  test.each([
    ['while messages end', (it: ReturnType<typeof watch>) => it.progress.made()],
    [
      'while there are places',
      (it: ReturnType<typeof watch>) => {
        it.state.full = false
      },
    ],
  ])('is not told %s', (_, happen) => {
    const it = watch()
    for (let n = 0; n < 5; n++) {
      happen(it)
      it.pass(PATIENCE)
    }
    it.progress.stop()
    expect(it.log).toEqual([])
  })
})

describe('what is expected of a broker', () => {
  const broker = (serverProperties?: object) =>
    featuresOf({ connection: { serverProperties } } as unknown as ChannelModel)
  const rabbit = (version: string) => broker({ product: 'RabbitMQ', version, capabilities: {} })
  test.each([
    ['nothing of one inside the process', broker(), [false, false, true]],
    [
      'delays of one that is not RabbitMQ',
      broker({ product: 'LavinMQ', version: '9.0', capabilities: {} }),
      [true, false, true],
    ],
    ['delays of RabbitMQ 3.9', rabbit('3.9.29'), [true, false, true]],
    ['safe dead-lettering since 3.10', rabbit('3.10.8'), [true, true, true]],
    ['a count of what is given back until 4.2', rabbit('4.2.1'), [true, true, true]],
    ['no such count since 4.3', rabbit('4.3.0'), [true, true, false]],
    ['no such count with 5', rabbit('5.0.0-rc.1'), [true, true, false]],
  ])('%s', (_, { hasDelays, deadLettersSafely, countsNacks }, expected) =>
    expect([hasDelays, deadLettersSafely, countsNacks]).toEqual(expected),
  )
})
