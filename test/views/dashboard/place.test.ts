import { expect, test } from 'vitest'
import { addressOf, type Place, placeOf } from '../../../src/views/dashboard/page/place.ts'

test('a place is the same after its address was sent to somebody', () => {
  const places: readonly Place[] = [
    { screen: 'services' },
    { screen: 'events', log: 'a & b = 50% #1', open: 'shop/workers/mailer', event: 7 },
    { screen: 'timeline', part: 'stop', table: true, run: 'previous' },
    { screen: 'services', find: '<b>"\n', state: 'problems', health: 'fail', sort: '-last-error' },
  ]
  for (const place of places) expect(placeOf(addressOf(place))).toEqual(place)
  expect(addressOf({ screen: 'graph', find: '', open: undefined })).toBe('#graph')
})

test.each([
  ['', { screen: 'services' }],
  ['#nowhere', { screen: 'services' }],
  ['#graph?%E0%A4%A&open=%', { screen: 'graph', open: '%' }],
  ['#services?state=constructor&health=__proto__&sort=-up-up&part=x&table=1&run=next', { screen: 'services' }],
  ['#events?event=-1&event=2', { screen: 'events' }],
  ['#events?event=1e400', { screen: 'events' }],
  ['#/timeline?part=all', { screen: 'timeline', part: 'all' }],
])('what can not be in %j is left out', (hash, place) => expect(placeOf(hash)).toEqual(place))

test('a text that is too long is cut', () => {
  expect(placeOf(`#services?find=${'x'.repeat(100_000)}`).find).toHaveLength(500)
})
