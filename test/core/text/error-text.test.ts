import { describe, expect, test } from 'vitest'
import { type ErrorInfo, errorInfo, ServiceError } from '../../../src/core/errors.ts'
import { errorLine, errorLines, essence } from '../../../src/core/text/error-text.ts'

/** As V8 writes it: the header, then frames of the user and of others. */
const stack = (...places: readonly string[]): string =>
  ['Error: x', ...places.map(place => `    at ${place}`), '    at node:internal/main/run_main_module:23:47'].join('\n')

const info = (message: string, more: Partial<ErrorInfo> = {}): ErrorInfo => ({ name: 'Error', message, ...more })

describe('an error in a report', () => {
  test.each<[string, ErrorInfo, string[]]>([
    ['says its message, code and status', info('no', { code: 'E1', status: 503 }), ['no [E1] (status 503)']],
    ['does not say a status twice', info('answered 503', { status: 503 }), ['answered 503']],
    [
      "says where it was thrown, node's and RxJS' own lines left out",
      info('no', { stack: stack('urlOf (/app/db.js:3:5)', 'new Observable (/app/node_modules/rxjs/dist/x.js:1:2)') }),
      ['no', '  at urlOf (/app/db.js:3:5)'],
    ],
    [
      'shows ten places at the most',
      info('no', { stack: stack(...Array.from({ length: 30 }, (_, n) => `f${n} (/app/a.js:${n}:1)`)) }),
      ['no', ...Array.from({ length: 10 }, (_, n) => `  at f${n} (/app/a.js:${n}:1)`)],
    ],
    [
      'tells its causes, each with its place',
      info('a', { cause: info('b', { stack: stack('/app/b.js:1:1'), cause: info('c', { name: 'TypeError' }) }) }),
      ['a', '  caused by Error: b', '    at /app/b.js:1:1', '    caused by TypeError: c'],
    ],
    [
      'does not tell a cause again whose message it repeats, but says where that was thrown',
      info('service "db": start failed: no', {
        name: 'ServiceError',
        stack: stack('/app/main.js:9:9'),
        cause: info('no', { stack: stack('/app/db.js:1:1') }),
      }),
      ['service "db": start failed: no', '  at /app/db.js:1:1'],
    ],
    [
      'tells the kind and the code of a cause whose message it repeats',
      info('failed: no', { cause: info('no', { name: 'TypeError', code: 'E1', stack: stack('/app/db.js:1:1') }) }),
      ['failed: no', '  caused by TypeError [E1]', '    at /app/db.js:1:1'],
    ],
    [
      'does not tell a code twice',
      info('connect ECONNREFUSED', { cause: info('connect ECONNREFUSED', { code: 'ECONNREFUSED' }) }),
      ['connect ECONNREFUSED'],
    ],
    [
      'tells the errors that came together',
      info('both', { errors: [info('a', { stack: stack('/app/a.js:1:1') }), info('b', { code: 'E2' })] }),
      ['both', '  1) Error: a', '    at /app/a.js:1:1', '  2) Error: b [E2]'],
    ],
    [
      'can not forge a line or steer a terminal',
      info('bad\u001b[2J\nshop stopped', { code: '\u202egnp', stack: stack('f\u0007 (/app/a.js:1:1)') }),
      ['bad\\x1b[2J\\nshop stopped [\\u202egnp]', '  at f\\x07 (/app/a.js:1:1)'],
    ],
    ['has no place when its stack is not one', info('no', { stack: 'nonsense' }), ['no']],
  ])('%s', (_, error, lines) => expect(errorLines(error)).toEqual(lines))

  test("leaves out this library's own lines", () => {
    const error = new ServiceError('ERR_STOP_FAILED', 'db', 'no')
    const [, ...places] = errorLines(errorInfo(error))
    expect(error.stack).toContain('error-text.test.ts')
    expect(places.join()).toContain('error-text.test.ts')
    expect(places.join()).not.toContain('core/errors.ts')
  })
})

describe('an error in a line of the log', () => {
  test.each<[string, ErrorInfo, string]>([
    ['is its message and code', info('no', { code: 'E1' }), 'no [E1]'],
    [
      'with the place of the innermost cause',
      info('a: b', {
        stack: stack('/app/a.js:1:1'),
        cause: info('b', { stack: stack('f (/app/b.js:2:2)', '/app/b.js:9:9') }),
      }),
      'a: b (at f (/app/b.js:2:2), /app/b.js:9:9)',
    ],
    [
      'with a cause that says something else',
      info('a', { cause: info('b', { code: 'E' }) }),
      'a; caused by Error: b [E]',
    ],
    [
      'with three of those that came together',
      info('all', { errors: ['1', '2', '3', '4'].map(n => info(`e${n}`)) }),
      'all; with Error: e1; with Error: e2; with Error: e3; and 1 more',
    ],
    [
      'with the code of a cause that it repeats',
      info('a: b', { cause: info('b', { code: 'E1', status: 5 }) }),
      'a: b [E1] (status 5)',
    ],
    ['on one line, whatever it says', info('a\nb\u2028c\r'), 'a\\nb\\u2028c\\r'],
  ])('%s', (_, error, line) => expect(errorLine(error)).toBe(line))
})

test('the essence of an error is the innermost cause that its message repeats, in one line', () => {
  const cause = { name: 'Error', message: 'no route\nat all' }
  expect(essence({ name: 'E', message: `service "db" failed: ${cause.message}`, cause })).toBe('no route')
  expect(essence({ name: 'E', message: 'gave up', cause })).toBe('gave up')
})
