import express from 'express'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard } from 'rx-service-group/dashboard'
import { describe, expect, test } from 'vitest'
import type { ConsoleLine, LinesOf } from '../../../src/core/console-lines.ts'
import { serve, type Watcher, watch } from './watch.ts'

const linesOf = ({ messages }: Watcher, path: string): readonly ConsoleLine[] =>
  messages.flatMap(({ event, data }) =>
    event === 'lines' ? (data.of as readonly LinesOf[]).filter(one => one.path === path).flatMap(one => one.lines) : [],
  )
const textsOf = (page: Watcher, path: string) => linesOf(page, path).map(({ from, text }) => `${from} ${text}`)

/** A service that prints these texts while it starts. */
const printing = (name: string, ...texts: readonly string[]) =>
  service(name, {
    start: () => {
      for (const text of texts) process.stdout.write(text)
    },
  })

describe('the lines that services print', () => {
  test('are told to those who watch, and to those who come later, until the end of the group', async () => {
    const group = serviceGroup('shop').add(
      service('db', {
        start: () => void process.stdout.write('opens\n'),
        stop: () => void process.stderr.write('closes\n'),
      }),
    )
    const port = await serve(express().use(dashboard(group, { logs: true })))
    const first = await watch(port)
    await group.start()
    await first.until(page => textsOf(page, 'shop/db').length > 0)
    const second = await watch(port)
    await second.until(page => textsOf(page, 'shop/db').length > 0)
    await group.stop()
    for (const page of [first, second]) {
      await page.ended
      expect(textsOf(page, 'shop/db')).toEqual(['stdout opens', 'stderr closes'])
      expect(page.messages.at(-1)?.event).toBe('end')
    }
    const third = await watch(port)
    await third.ended
    expect(textsOf(third, 'shop/db')).toEqual(['stdout opens', 'stderr closes'])
    expect(Object.hasOwn(process.stdout, 'write')).toBe(false)
  })

  test('are not told unless they are asked for, and then the standard streams are left alone', async () => {
    const group = serviceGroup('shop').add(printing('db', 'opens\n'))
    const port = await serve(express().use(dashboard(group)))
    expect(Object.hasOwn(process.stdout, 'write')).toBe(false)
    const page = await watch(port)
    await group.start()
    await group.stop()
    await page.ended
    expect(page.messages.filter(({ event }) => event === 'lines')).toEqual([])
  })

  test('go with a service that is removed', async () => {
    const group = serviceGroup('shop').add(printing('db', 'opens\n')).add(printing('tenant', 'secret\n'))
    const port = await serve(express().use(dashboard(group, { logs: true })))
    await group.start()
    await group.remove('tenant')
    const page = await watch(port)
    await page.until(({ messages }) => messages.some(({ event }) => event === 'lines'))
    expect(textsOf(page, 'shop/db')).toEqual(['stdout opens'])
    expect(textsOf(page, 'shop/tenant')).toEqual([])
  })

  test('never make a message much longer than 64 kB, and each loud service has its share of it', async () => {
    const many = Array.from({ length: 60 }, (_, n) => `${n} ${'"'.repeat(900)}\n`)
    const group = serviceGroup('shop')
    for (const name of ['a', 'b', 'c']) group.add(printing(name, ...many), { dependsOn: [] })
    group.add(printing('quiet', 'one\n'), { dependsOn: [] })
    const port = await serve(express().use(dashboard(group, { logs: true })))
    const page = await watch(port)
    await page.until(({ messages }) => messages.length > 0)
    await group.start()
    await page.until(({ messages }) => messages.some(({ event, data }) => event === 'lines' && !data.all))
    const told = page.messages.filter(({ event, data }) => event === 'lines' && !data.all)
    for (const { data } of told) expect(JSON.stringify(data).length).toBeLessThan(70 * 1024)
    for (const path of ['shop/a', 'shop/b', 'shop/c']) {
      const lines = linesOf(page, path)
      expect(lines.length).toBeGreaterThan(5)
      expect(lines.at(-1)!.text).toMatch(/^59 /)
      // The page sees from the numbers that there were others.
      expect(lines[0]!.n).toBeGreaterThan(1)
    }
    expect(textsOf(page, 'shop/quiet')).toEqual(['stdout one'])
    await group.stop()
  })
})

test('the option is refused unless it is true or false', () => {
  expect(() => dashboard(serviceGroup('shop'), { logs: 'yes' as never })).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_OPTION',
      message: 'dashboard "shop": logs must be true or false, got "yes"',
    }),
  )
})
