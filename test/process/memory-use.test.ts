import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type MemorySources, oldSpaceLimit, startMemoryGauge } from '../../src/process/memory-use.ts'
import { startNode, TSX } from '../support/child.ts'

const MB = 2 ** 20

describe('the limit of old objects', () => {
  test.each<[string, number, string, number]>([
    ['as V8 tells it when no flag says more', 4_144, '', 4_144],
    ['the flag, however much V8 adds for young objects', 268, '--max-old-space-size=64', 64],
    ['the flag with underscores', 268, '--max_old_space_size=64', 64],
    [
      'the last flag: the command line comes after NODE_OPTIONS',
      268,
      '--max-old-space-size=2048 --max-old-space-size=64',
      64,
    ],
    ['a flag in quotes', 268, '"--max-old-space-size=64"', 64],
    ['without the semi-spaces that a flag makes larger', 704, '--max-semi-space-size=64', 512],
    ['both flags', 124, '--max-old-space-size=100 --max-semi-space-size=8', 100],
    ['no other flag', 560, '--max-old-space-size-percentage=50 --max-http-header-size=64', 560],
    ['a flag of 0, which V8 takes for its default', 4_144, '--max-old-space-size=0', 4_144],
    ['semi-spaces that can not be', 100, '--max-semi-space-size=64', 100],
  ])('%s', (_, limit, flags, expected) => {
    expect(oldSpaceLimit(limit * MB, flags) / MB).toBe(expected)
  })
})

/** Sources that tell what the test says. */
const told = (
  all: Partial<Record<'used' | 'resident' | 'machine', number>> & { container?: number | undefined } = {},
) => {
  const now = { used: 10, resident: 20, machine: 1_000, container: 0 as number | undefined, ...all }
  const heard = { collected: () => {}, listening: false }
  const sources: MemorySources = {
    heapUsed: () => now.used,
    heapLimit: () => 100,
    resident: () => now.resident,
    container: () => now.container,
    machine: () => now.machine,
    onFullCollection: collected => {
      Object.assign(heard, { collected, listening: true })
      return () => {
        heard.listening = false
      }
    },
  }
  return { now, heard, gauge: startMemoryGauge(sources) }
}

describe('a gauge of memory', () => {
  test.each<[string, number | undefined, number]>([
    ['0, as macOS and Windows tell', 0, 1_000],
    ['undefined, as other runtimes tell', undefined, 1_000],
    ['2^64, as cgroups tell', 2 ** 64, 1_000],
    ['2^63 less a page, as the kernel writes it', 2 ** 63 - 4_096, 1_000],
    ['more than the machine has', 2_000, 1_000],
    ['as much as the machine has', 1_000, 1_000],
    ['less than the machine has', 512, 512],
  ])('a limit of the container that is %s', (_, container, limit) => {
    expect(told({ container }).gauge.read().resident).toEqual({ used: 20, limit })
  })

  test('a container that is resized has another limit at the next reading', () => {
    const { gauge, now } = told({ container: 512 })
    expect(gauge.read().resident.limit).toBe(512)
    now.container = 768
    expect(gauge.read().resident.limit).toBe(768)
  })

  test('the heap is what is used until the first full collection, and then what the last one left', () => {
    const { gauge, now, heard } = told({ used: 70 })
    const used = (bytes: number): number => {
      now.used = bytes
      return gauge.read().heap.used
    }
    expect([used(70), used(90)]).toEqual([70, 90])
    now.used = 30
    heard.collected()
    expect([used(30), used(95), used(20), used(99)]).toEqual([30, 30, 20, 30])
    now.used = 60
    heard.collected()
    expect(used(95)).toBe(60)
  })

  test('hears of no collection once it is stopped', () => {
    const { gauge, heard } = told()
    expect(heard.listening).toBe(true)
    gauge.stop()
    expect(heard.listening).toBe(false)
  })

  test('tells what a real full collection has left, and keeps no process alive', async () => {
    const program = fileURLToPath(new URL('./programs/garbage.ts', import.meta.url))
    const { code, output } = await startNode(['--expose-gc', '--initial-heap-size=1024', ...TSX, program]).ended
    expect(output).toBe(
      'what may be garbage is not told: true\nwhat a full collection has left is told: true\nwhat it has released is not: true\n',
    )
    expect(code).toBe(0)
  }, 30_000)

  test('reads this process as it is', () => {
    const gauge = startMemoryGauge()
    const { heap, resident } = gauge.read()
    gauge.stop()
    expect(heap.used).toBeGreaterThan(MB)
    expect(heap.limit).toBeGreaterThan(heap.used)
    expect(resident.used).toBeGreaterThan(heap.used)
    expect(resident.limit).toBeGreaterThan(resident.used)
  })
})
