import fc from 'fast-check'
import { expect, test } from 'vitest'
import { followFrames } from '../../../src/services/http/frames.ts'

interface Frame {
  readonly fin: boolean
  readonly opcode: number
  readonly payload: Uint8Array
  readonly masked: boolean
}

const headOf = ({ fin, opcode, payload: { length }, masked }: Frame): Buffer => {
  const mask = masked ? 0x80 : 0
  const first = (fin ? 0x80 : 0) | opcode
  const key = masked ? [1, 2, 3, 4] : []
  if (length < 126) return Buffer.of(first, mask | length, ...key)
  if (length < 65_536) return Buffer.of(first, mask | 126, length >> 8, length & 0xff, ...key)
  const long = Buffer.alloc(8)
  long.writeBigUInt64BE(BigInt(length))
  return Buffer.of(first, mask | 127, ...long, ...key)
}
const bytesOf = (frame: Frame) => Buffer.concat([headOf(frame), frame.payload])

const length = fc.oneof(fc.nat(3), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000))
const frame = fc.record({
  fin: fc.constant(true),
  opcode: fc.constantFrom(1, 2, 9, 10),
  payload: length.map(n => new Uint8Array(n).fill(0x88)),
  masked: fc.boolean(),
})

test('a message is over with its last byte, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(140_000)), (list, cuts) => {
      const bytes = Buffer.concat(list.map(bytesOf))
      const edges = new Set([0])
      for (const one of list) edges.add(Math.max(...edges) + bytesOf(one).length)
      const frames = followFrames()
      const places = [...new Set([...cuts.filter(cut => cut < bytes.length), ...edges])].sort((a, b) => a - b)
      let from = 0
      for (const place of places) {
        frames.take(bytes.subarray(from, place))
        from = place
        expect(frames.isBetweenMessages()).toBe(edges.has(place))
      }
    }),
  )
})

const text = { fin: true, opcode: 1, payload: Buffer.from('hello'), masked: false }

test.each<[string, boolean, readonly Uint8Array[]]>([
  ['whole frames', true, [bytesOf(text), bytesOf(text)]],
  ['headers and payloads', true, [headOf(text), text.payload, headOf(text), text.payload]],
  ['an empty frame', true, [Buffer.of(0x89, 0)]],
  ['nothing', true, [Buffer.alloc(0)]],
  ['two frames in one write', false, [Buffer.concat([bytesOf(text), bytesOf(text)])]],
  ['half a header', false, [Buffer.of(0x81), Buffer.of(0)]],
  ['a part of a payload', false, [bytesOf(text).subarray(0, 4), bytesOf(text).subarray(4)]],
  ['a payload in two parts', false, [headOf(text), Buffer.from('hel'), Buffer.from('lo')]],
  ['a payload with the next header', false, [headOf(text), Buffer.concat([text.payload, headOf(text)])]],
  ['frames of a client', false, [bytesOf({ ...text, masked: true })]],
])('%s: framed here is %s', (_, framedHere, writes) => {
  const frames = followFrames()
  for (const bytes of writes) frames.take(bytes)
  expect(frames.areFramedHere()).toBe(framedHere)
})

test('a message goes on until its last fragment; a ping in between changes nothing', () => {
  const frames = followFrames()
  frames.take(bytesOf({ ...text, fin: false }))
  frames.take(Buffer.of(0x89, 0))
  expect(frames.isBetweenMessages()).toBe(false)
  frames.take(bytesOf({ ...text, opcode: 0 }))
  expect(frames.isBetweenMessages()).toBe(true)
  expect(frames.isClosed()).toBe(false)
  frames.take(Buffer.of(0x88, 0))
  expect(frames.isClosed()).toBe(true)
})
