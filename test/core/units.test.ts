import { describe, expect, test } from 'vitest'
import { elapsed, memorySize, milliseconds, restarted, times, wholeSeconds } from '../../src/core/units.ts'

describe('a duration is written for people', () => {
  test.each([
    [-5, '0 ms'],
    [0, '0 ms'],
    [0.4, '0 ms'],
    [340, '340 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1_000, '1 s'],
    [1_340, '1.34 s'],
    [1_500, '1.5 s'],
    [1_001, '1 s'],
    [9_994, '9.99 s'],
    [9_996, '10 s'],
    [10_000, '10 s'],
    [12_340, '12.3 s'],
    [30_000, '30 s'],
    [59_949, '59.9 s'],
    [59_960, '1 min'],
    [60_000, '1 min'],
    [90_000, '1 min 30 s'],
    [600_000, '10 min'],
    [3_599_600, '1 h'],
    [3_600_000, '1 h'],
    [3_659_000, '1 h'],
    [5_400_000, '1 h 30 min'],
    [7_200_000, '2 h'],
    [86_400_000, '1 d'],
    [273_600_000, '3 d 4 h'],
  ])('%d is %s', (ms, text) => {
    expect(milliseconds(ms)).toBe(text)
  })
})

describe('a duration that counts keeps its digits', () => {
  test.each([
    [-5, '0.0 s'],
    [0, '0.0 s'],
    [1_000, '1.0 s'],
    [9_949, '9.9 s'],
    [9_960, '9.9 s'],
    [10_900, '10 s'],
    [59_999, '59 s'],
    [61_500, '1 min 1 s'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d 1 h'],
  ])('%d is %s', (ms, text) => {
    expect(elapsed(ms)).toBe(text)
  })
})

test.each([
  [-5, '0 s'],
  [9_960, '9 s'],
  [59_999, '59 s'],
  [61_500, '1 min 1 s'],
])('%d counted once a second is %s', (ms, text) => {
  expect(wholeSeconds(ms)).toBe(text)
})

test.each([
  [1, 'once'],
  [2, 'twice'],
  [3, '3 times'],
])('%d is %s', (count, text) => {
  expect(times(count)).toBe(text)
  expect(restarted(count)).toBe(`restarted ${text}`)
})

const MB = 2 ** 20

test.each([
  [0, '0 MB'],
  [MB / 10, '0.1 MB'],
  [64 * MB, '64 MB'],
  [480.46 * MB, '480.5 MB'],
  [1_000 * MB, '1000 MB'],
  [1_023.9 * MB, '1023.9 MB'],
  [1_023.96 * MB, '1 GB'],
  [1_945.6 * MB, '1.9 GB'],
  [2_048 * MB, '2 GB'],
])('%d bytes of memory are %s', (bytes, text) => {
  expect(memorySize(bytes)).toBe(text)
})
