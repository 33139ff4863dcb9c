import { fileURLToPath } from 'node:url'
import { type Service, serviceGroup } from 'rx-service-group'
import { type MemoryUseOptions, memoryUse } from 'rx-service-group/memory'
import { fakeService, recordTrace, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { figuresOf } from '../../../src/core/figures.ts'
import { judgeMemory, monitorMemory } from '../../../src/services/memory/monitor.ts'
import { startCommand, startNode, TSX } from '../../support/child.ts'
import { memoryLimit } from '../../support/memory-limit.ts'

const MB = 2 ** 20

/** Of a heap of 1,000 MB and a container of 2,000 MB, both in MB. */
type Use = readonly [heap: number, resident: number]

const useOf = ([heap, resident]: Use) => ({
  heap: { used: heap * MB, limit: 1_000 * MB },
  resident: { used: resident * MB, limit: 2_000 * MB },
})

/** A monitor each second of a gauge that reads these, then the last one. */
const monitored = (
  uses: readonly Use[],
  settings: MemoryUseOptions = {},
): { time: VirtualTime; memory: Service<'memory'>; gauges: { running: number; read: number } } => {
  const time = virtualTime()
  const gauges = { running: 0, read: 0 }
  const startGauge = () => {
    gauges.running++
    return {
      read: () => useOf(uses[gauges.read++] ?? uses.at(-1) ?? [0, 0]),
      stop: () => void gauges.running--,
    }
  }
  const all = { interval: 1_000, warn: 0.8, fail: 0.9, threshold: 3, ...settings }
  return { time, gauges, memory: monitorMemory('memory', all, startGauge, time) }
}

describe('one reading', () => {
  const judged = (use: Use) => judgeMemory(useOf(use), { warn: 0.8, fail: 0.9 })

  test.each<[string, Use, string, string]>([
    ['just below a limit', [799, 1_599], 'pass', ''],
    ['the heap at a limit', [800, 0], 'warn', 'heap 800 MB of 1000 MB (80 %)'],
    ['resident memory at a limit', [0, 1_600], 'warn', 'resident memory 1.6 GB of 2 GB (80 %)'],
    ['the worse one is told', [820, 1_900], 'fail', 'resident memory 1.9 GB of 2 GB (95 %)'],
    [
      'both are, when both are as bad',
      [850, 1_600],
      'warn',
      'heap 850 MB of 1000 MB (85 %), resident memory 1.6 GB of 2 GB (80 %)',
    ],
    ['a share is rounded down', [899, 0], 'warn', 'heap 899 MB of 1000 MB (89 %)'],
  ])('%s', (_, use, level, detail) => {
    expect(judged(use)).toMatchObject(level === 'pass' ? { level } : { level, detail })
  })

  test('its figures are whole megabytes, and are drawn by the rule of all figures', () => {
    const info = { heapMB: 800, heapLimitMB: 1_000, residentMB: 20, residentLimitMB: 2_000 }
    expect(judged([799.6, 20]).info).toEqual(info)
    expect(Object.fromEntries(figuresOf(info))).toEqual(info)
  })

  test('a limit that is Infinity is never reached', () => {
    expect(judgeMemory(useOf([1_000, 2_000]), { warn: Infinity, fail: Infinity }).level).toBe('pass')
  })
})

describe('a group with little memory left', () => {
  test('is as well as the memory: worse and better after so many in a row, each told once', async () => {
    const uses: Use[] = [
      [100, 500],
      [810, 900],
      [820, 900],
      [830, 900],
      [880, 950],
      [930, 1_000],
      [940, 1_000],
      [950, 1_000],
    ]
    const { time, memory, gauges } = monitored([...uses, [200, 600]])
    const shop = serviceGroup('shop', { clock: time })
      .add(memory, { observer: true })
      .add(fakeService('db', { drain: 'absent' }))
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    expect(gauges.running).toBe(1)
    await time.advance(7_500)
    expect([shop.status.health, shop.status.ready]).toEqual(['warn', true])
    await time.advance(500)
    expect([shop.status.health, shop.status.ready]).toEqual(['fail', false])
    await time.advance(60_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    const info = (heap: number, resident: number): string =>
      `{heapMB: ${heap}, heapLimitMB: 1000, residentMB: ${resident}, residentLimitMB: 2000}`
    expect(trace.lines.slice(6)).toEqual([
      `1000 shop/memory running ${info(100, 500)}`,
      `2000 shop/memory running ${info(810, 900)}`,
      `4000 shop/memory running warn "heap 830 MB of 1000 MB (83 %)" ${info(810, 900)}`,
      '4000 shop running warn "memory: heap 830 MB of 1000 MB (83 %)"',
      `5000 shop/memory running warn "heap 830 MB of 1000 MB (83 %)" ${info(880, 950)}`,
      `5000 shop/memory running warn "heap 880 MB of 1000 MB (88 %)" ${info(880, 950)}`,
      '5000 shop running warn "memory: heap 880 MB of 1000 MB (88 %)"',
      `6000 shop/memory running warn "heap 880 MB of 1000 MB (88 %)" ${info(930, 1_000)}`,
      `6000 shop/memory running warn "heap 930 MB of 1000 MB (93 %)" ${info(930, 1_000)}`,
      '6000 shop running warn "memory: heap 930 MB of 1000 MB (93 %)"',
      `8000 shop/memory running fail "heap 950 MB of 1000 MB (95 %)" ${info(930, 1_000)}`,
      '8000 shop running fail "memory: heap 950 MB of 1000 MB (95 %)"',
      `9000 shop/memory running fail "heap 950 MB of 1000 MB (95 %)" ${info(200, 600)}`,
      `11000 shop/memory running ${info(200, 600)}`,
      '11000 shop running',
    ])
    await shop.stop()
    expect([gauges.running, time.timers]).toEqual([0, 0])
  })

  test('memory that goes to and fro at a limit changes no health', async () => {
    const { time, memory } = monitored(Array.from({ length: 60 }, (_, n): Use => [n % 3 === 0 ? 799 : 801, 0]))
    const shop = serviceGroup('shop', { clock: time }).add(memory)
    const healths: string[] = []
    shop.health$.subscribe(({ health }) => healths.push(health))
    await shop.start()
    await time.advance(59_000)
    expect(new Set(healths)).toEqual(new Set(['pass']))
    await shop.stop()
  })

  test('memory that grows slowly is told at each twentieth, so that it can be drawn', async () => {
    const { time, memory } = monitored(Array.from({ length: 60 }, (_, n): Use => [n * 12, 0]))
    const shop = serviceGroup('shop', { clock: time }).add(memory)
    const trace = recordTrace(shop)
    await shop.start()
    await time.advance(60_000)
    const told = trace.lines.flatMap(line => /heapMB: (\d+)/.exec(line)?.[1] ?? [])
    expect(told).toEqual(Array.from({ length: 12 }, (_, n) => String(n * 60)))
    await shop.stop()
  })

  test('a start that is over leaves no gauge and no timer', async () => {
    const { time, memory, gauges } = monitored([])
    for (let n = 0; n < 2; n++) {
      const shop = serviceGroup('shop', { clock: time }).add(memory)
      await shop.start()
      expect(gauges.running).toBe(1)
      await shop.stop()
      expect([gauges.running, time.timers]).toEqual([0, 0])
    }
  })
})

describe('memoryUse', () => {
  test('is called memory unless told otherwise', () => {
    expect([memoryUse().name, memoryUse('ram').name]).toEqual(['memory', 'ram'])
  })

  test.each<[MemoryUseOptions, string]>([
    [{ interval: 0 }, 'ERR_INVALID_DURATION'],
    [{ interval: Number.NaN }, 'ERR_INVALID_DURATION'],
    [{ warn: 0 }, 'ERR_INVALID_OPTION'],
    [{ warn: 80 }, 'ERR_INVALID_OPTION'],
    [{ fail: -1 }, 'ERR_INVALID_OPTION'],
    [{ fail: Number.NaN }, 'ERR_INVALID_OPTION'],
    [{ fail: '0.9' as never }, 'ERR_INVALID_OPTION'],
    [{ threshold: 0 }, 'ERR_INVALID_OPTION'],
  ])('%o is refused at once', (options, code) => {
    expect(() => memoryUse('memory', options)).toThrow(expect.objectContaining({ code, service: 'memory' }))
  })

  test('a percentage in place of a share is told apart', () => {
    expect(() => memoryUse('memory', { warn: 80 })).toThrow(
      'service "memory": warn must be a share > 0 and <= 1 such as 0.8, or Infinity, got 80',
    )
  })
})

const program = fileURLToPath(new URL('./full-process.ts', import.meta.url))
/** `gc` is a real collection: without it V8 collects once the process has been idle for some seconds. */
const node = ['--expose-gc', ...TSX, program]

/** A part of what the program prints: the group is warn, then fail, and tells how much is used of what. */
const story = (what: string): RegExp =>
  RegExp(`^pass true\nwarn true memory: ${what} \\(\\d+ %\\)\n(.*\n)*fail false memory: ${what} \\(\\d+ %\\)\n`)

const AT_THE_END = /\npass true\npass false\nalive because of: \nstopped\n$/

describe('a process that really fills its memory turns the group warn, then fail, and pass again', () => {
  test('the heap, of --max-old-space-size', async () => {
    const { code, output } = await startNode(['--max-old-space-size=64', ...node, 'heap']).ended
    expect(output).toMatch(story(String.raw`heap [\d.]+ MB of 64 MB`))
    expect(output).toMatch(AT_THE_END)
    expect(code).toBe(0)
  }, 60_000)

  test('resident memory, of a limit that the kernel holds it to', async ({ skip, onTestFinished }) => {
    const limit = memoryLimit(256) ?? skip('this machine lets us make no cgroup')
    onTestFinished(limit.remove)
    const [command, ...args] = limit.within([process.execPath, ...node, 'resident'])
    const { code, output } = await startCommand(command!, args).ended
    expect(output).toMatch(story(String.raw`resident memory [\d.]+ MB of 256 MB`))
    expect(output).toMatch(AT_THE_END)
    expect(code).toBe(0)
  }, 60_000)
})
