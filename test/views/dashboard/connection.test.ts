import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { follow, type Heard } from '../../../src/views/dashboard/page/connection.ts'
import { newReader } from '../../../src/views/dashboard/page/sse.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

interface Asked {
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  write(text: string): void
  end(): void
}

/** A server played by hand: each request stays open until it is told to end. */
const follows = (answer: (asked: Asked) => void = () => {}) => {
  const asked: Asked[] = []
  const told: string[] = []
  vi.stubGlobal(
    'fetch',
    async (_: string, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
      let controller!: ReadableStreamDefaultController<Uint8Array>
      const body = new ReadableStream<Uint8Array>({
        start: one => {
          controller = one
        },
      })
      signal.addEventListener('abort', () => controller.error(signal.reason))
      const one: Asked = {
        headers,
        signal,
        write: text => controller.enqueue(new TextEncoder().encode(text)),
        end: () => controller.close(),
      }
      asked.push(one)
      answer(one)
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
  )
  const words = (heard: Heard): string => {
    if (heard.kind === 'connection') return heard.connection
    if (heard.kind === 'events') return `events of ${heard.boot}: ${heard.events}`
    return heard.kind === 'hello' ? `hello ${heard.hello.boot}` : heard.kind
  }
  const close = follow('http://x/events', heard => told.push(words(heard)))
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return { asked, told, close, settle }
}

const hello = (boot: string) => `event: hello\ndata: {"boot":"${boot}"}\n\n`

test('a message is read whole however it is cut, and a comment is none', () => {
  const text =
    'retry: 500\n\n: still here\n\nid: a:1\nevent: events\ndata: [1]\n\nevent: end\ndata: {"a":\ndata: 1}\n\n'
  const whole = [
    { event: 'events', id: 'a:1', data: '[1]' },
    { event: 'end', data: '{"a":\n1}' },
  ]
  for (let at = 0; at <= text.length; at++) {
    const read = newReader()
    expect([...read(text.slice(0, at)), ...read(text.slice(at))]).toEqual(whole)
  }
})

test('a connection that is lost is taken up again where it was', async () => {
  const { asked, told, close, settle } = follows(({ write }) => write(hello('a')))
  await settle()
  asked[0]!.write('id: a:7\nevent: events\ndata: []\n\n')
  await settle()
  asked[0]!.end()
  await settle()
  expect(told).toEqual(['hello a', 'live', 'events of a: []', 'lost'])
  await vi.advanceTimersByTimeAsync(500)
  expect(asked[1]!.headers).toEqual({ 'last-event-id': 'a:7' })
  expect(told.slice(4)).toEqual(['hello a', 'live'])
  close()
})

test('heartbeats keep a connection alive; without them it is silent after 20 s, and another is tried', async () => {
  const { asked, told, close, settle } = follows()
  await settle()
  asked[0]!.write(hello('a'))
  await settle()
  for (let beats = 0; beats < 5; beats++) {
    await vi.advanceTimersByTimeAsync(15_000)
    asked[0]!.write(': still here\n\n')
    await settle()
  }
  expect(told).toEqual(['hello a', 'live'])
  await vi.advanceTimersByTimeAsync(19_999)
  expect(told).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)
  expect(told.slice(2)).toEqual(['silent'])
  expect(asked[0]!.signal.aborted).toBe(true)
  await vi.advanceTimersByTimeAsync(1)
  expect(asked).toHaveLength(2)
  asked[1]!.write(hello('a'))
  await settle()
  expect(told.slice(3)).toEqual(['hello a', 'live'])
  close()
})

test('nothing is left once it is closed, at whatever moment', async () => {
  for (const act of [async () => {}, async (f: ReturnType<typeof follows>) => f.asked[0]!.end()]) {
    const one = follows(({ write }) => write(hello('a')))
    await one.settle()
    await act(one)
    await one.settle()
    one.close()
    await one.settle()
    expect(vi.getTimerCount()).toBe(0)
    expect(one.asked.every(({ signal }) => signal.aborted)).toBe(true)
  }
})
