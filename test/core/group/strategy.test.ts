import { describe, expect, test } from 'vitest'
import { restartedWith, type Strategy, strategyOf } from '../../../src/core/group/strategy.ts'
import { type Placed, plan, reversed } from '../../../src/core/plan.ts'

/** `a b<a o*`: a, then b that depends on a, then an observer o; `b<` depends on nothing. */
const parse = (line: string): Placed[] =>
  line.split(' ').map(word => {
    const [name = '', wanted] = word.replace('*', '').split('<')
    const dependsOn = wanted === undefined ? undefined : wanted === '' ? [] : wanted.split('+')
    return { name, dependsOn, observer: word.endsWith('*') }
  })

const together = (line: string, strategy: Strategy | 'by-hand', root: string): string => {
  const services = parse(line)
  const { before, declared } = plan(services)
  const graph = {
    after: reversed(before),
    dependents: reversed(declared),
    isObserver: (node: number) => services[node]!.observer === true,
  }
  const node = services.findIndex(({ name }) => name === root)
  return [...restartedWith(strategy, node, graph)]
    .sort((a, b) => a - b)
    .map(one => services[one]!.name)
    .join('')
}

const list = 'a b c d'
const graph = 'a b<a c< d<b+c e'
const watched = 'a o* b p<o* c'

describe('who goes down and comes up with one', () => {
  test.each<[string, Strategy | 'by-hand', string, string]>([
    [list, 'one-for-one', 'b', 'b'],
    [list, 'rest-for-one', 'a', 'abcd'],
    [list, 'rest-for-one', 'b', 'bcd'],
    [list, 'rest-for-one', 'd', 'd'],
    [list, 'one-for-all', 'd', 'abcd'],
    [list, 'by-hand', 'b', 'b'],
    [graph, 'one-for-one', 'a', 'a'],
    [graph, 'rest-for-one', 'a', 'abde'],
    [graph, 'rest-for-one', 'c', 'cde'],
    [graph, 'rest-for-one', 'e', 'e'],
    [graph, 'one-for-all', 'c', 'abcde'],
    [graph, 'by-hand', 'a', 'abd'],
    [graph, 'by-hand', 'c', 'cd'],
    [graph, 'by-hand', 'e', 'e'],
    [watched, 'rest-for-one', 'a', 'abc'],
    [watched, 'rest-for-one', 'o', 'op'],
    [watched, 'rest-for-one', 'p', 'p'],
    [watched, 'one-for-all', 'b', 'abc'],
    [watched, 'one-for-all', 'p', 'op'],
    [watched, 'by-hand', 'o', 'op'],
    ['o* a<o b<a', 'by-hand', 'o', 'oab'],
    ['o* a<o b<a', 'one-for-all', 'o', 'o'],
  ])('in "%s", %s, with %s: %s', (line, strategy, root, expected) => {
    expect(together(line, strategy, root)).toBe(expected)
  })
})

describe('the option', () => {
  test.each<[unknown, string]>([
    [undefined, 'one-for-one'],
    ['one-for-one', 'one-for-one'],
    ['rest-for-one', 'rest-for-one'],
    ['one-for-all', 'one-for-all'],
  ])('%s is %s', (given, expected) => expect(strategyOf('shop', given as Strategy)).toBe(expected))

  test.each([null, 'all', 1])('%s is refused', given => {
    expect(() => strategyOf('shop', given as unknown as Strategy)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: `service "shop": strategy must be "one-for-one", "rest-for-one" or "one-for-all", got ${JSON.stringify(given)}`,
      }),
    )
  })
})
