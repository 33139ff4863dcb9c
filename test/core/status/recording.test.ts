import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import {
  foldStatus,
  type GroupEvent,
  type GroupStatus,
  recordEvents,
  replayEvents,
  service,
  serviceGroup,
} from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { firstValueFrom, lastValueFrom, of, Subject, scan, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { shopUnderVirtualTime } from '../../conformance/setup.ts'
import { startProgram } from '../../support/child.ts'

/** A whole life: nested, restarted, changed while it runs, failing, forced. */
const recordALife = async () => {
  const { time, shop } = shopUnderVirtualTime()
  const workers = serviceGroup('workers', { clock: time })
    .add(fakeService('mailer', { start: 20, stop: 'hangs', clock: time }), { stopTimeout: 100 })
    .add(fakeService('printer', { start: 5, clock: time }), { restart: { policy: 'permanent', jitter: 0 } })
  const db = fakeService('db', { start: 30, clock: time })
  const flaky = fakeService('flaky', { clock: time })
  shop
    .add(db)
    .add(workers, { dependsOn: ['db'] })
    .add(flaky, { restart: 'temporary' })
  const lines: string[] = []
  const statuses: GroupStatus[] = []
  recordEvents(shop).subscribe(line => lines.push(line))
  shop.status$.subscribe(status => statuses.push(status))
  const started = shop.start()
  await time.advance(100)
  await started
  db.setHealth('warn', 'slow "disk"\n\u2028 <b>')
  flaky.die(new Error('</script>'))
  await time.advance(10)
  shop.add(service('late', {}))
  await time.advance(10)
  const removed = shop.remove('late')
  await time.advance(10)
  await removed
  const stopped = shop.stop('enough')
  await time.advance(30_000)
  await stopped
  return { lines, statuses, shop }
}

const replayed = (lines: Parameters<typeof replayEvents>[0]): Promise<readonly GroupEvent[]> =>
  lastValueFrom(replayEvents(lines).pipe(toArray()))

const asJson = (statuses: readonly (GroupStatus | undefined)[]): readonly string[] =>
  statuses.map(status => JSON.stringify([status, status?.reasons]))

describe('a recording', () => {
  test('V7 replays to the same statuses, bit for bit', async () => {
    const { lines, statuses, shop } = await recordALife()
    const again = await lastValueFrom(replayEvents(lines).pipe(scan(foldStatus, undefined), toArray()))
    expect(asJson(again)).toEqual(asJson(statuses))
    expect(again.at(-1)).toMatchObject({ phase: 'stopped', seq: shop.status.seq, trigger: { message: 'enough' } })
    expect(lines.length).toBeGreaterThan(40)
  })

  test('is the same as lines, as a text, from a stream, and as an Observable', async () => {
    const { lines } = await recordALife()
    const events = lines.map(line => JSON.parse(line) as GroupEvent)
    const text = lines.map(line => `${line}\n`).join('')
    expect(lines.join('')).not.toMatch(/[\n\r\u2028\u2029]/)
    expect(await replayed(lines)).toEqual(events)
    expect(await replayed(text)).toEqual(events)
    expect(await replayed(text.replaceAll('\n', '\r\n'))).toEqual(events)
    expect(await replayed(createInterface({ input: Readable.from(text) }))).toEqual(events)
    expect(await replayed(of(...lines))).toEqual(events)
    expect(await replayed([])).toEqual([])
  })

  test('comes event by event, and can be left', () => {
    const lines$ = new Subject<string>()
    const kinds: string[] = []
    const subscription = replayEvents(lines$).subscribe(({ kind }) => kinds.push(kind))
    lines$.next(SNAPSHOT)
    expect(kinds).toEqual(['snapshot'])
    subscription.unsubscribe()
    expect(lines$.observed).toBe(false)
  })

  test('leaves out particulars that are no JSON', async () => {
    const group = serviceGroup('shop').add(service('queue', { start: ({ info }) => info({ offset: 12n as never }) }))
    const lines = lastValueFrom(recordEvents(group).pipe(toArray()))
    await group.start()
    await group.stop()
    const events = await replayed(await lines)
    expect(events.at(-1)).toMatchObject({ path: 'shop', state: { phase: 'stopped' } })
    expect((await lines).join()).not.toContain('offset')
  })

  test('of a process that was killed in the middle of a line ends with what it had come to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'recording-'))
    const file = join(folder, 'events.ndjson')
    const { signal } = await startProgram(new URL('recorded-process.ts', import.meta.url), {}, [file]).ended
    const text = readFileSync(file, 'utf8')
    rmSync(folder, { recursive: true })
    expect(signal).toBe('SIGKILL')
    expect(() => JSON.parse(text.slice(text.lastIndexOf('\n') + 1))).toThrow(SyntaxError)
    const status = await lastValueFrom(replayEvents(text).pipe(scan(foldStatus, undefined)))
    expect(status?.phase).toBe('stopping')
    expect(status?.list.map(({ path, state }) => [path, state])).toEqual([
      ['shop/db', expect.objectContaining({ phase: 'running', info: { port: 5432 } })],
      ['shop/api', expect.objectContaining({ phase: 'stopping' })],
    ])
  })

  test('of another life in the same file begins anew', async () => {
    const { lines } = await recordALife()
    const status = await lastValueFrom(replayEvents([...lines, ...lines.slice(0, 2)]).pipe(scan(foldStatus, undefined)))
    expect(status).toMatchObject({ phase: 'starting', seq: JSON.parse(lines[1]!).seq })
  })
})

const SNAPSHOT =
  '{"kind":"snapshot","seq":3,"at":0,"group":{"path":"shop","state":{"phase":"idle"},"seq":0,"since":0},"health":"pass","services":[]}'
const ADDED = '{"kind":"added","seq":4,"at":1,"path":"shop/db"}'

describe('a line that is wrong is named', () => {
  test.each([
    ['no snapshot at first', [ADDED], 'recording: line 1 is no snapshot, which a recording begins with'],
    ['a gap', [SNAPSHOT, '', ADDED.replace('4', '6')], 'recording "shop": line 3 has event 6 after event 3'],
    ['a repeat', [SNAPSHOT, ADDED, ADDED], 'recording "shop": line 3 has event 4 after event 4'],
    ['garbage at first, though it is the last', ['hello'], /^recording: line 1 is not JSON: /],
    ['garbage in the middle', [SNAPSHOT, 'hello', ADDED], /^recording "shop": line 2 is not JSON: /],
    [
      'a line that was torn, and another life after it',
      [SNAPSHOT, `${ADDED.slice(0, 9)}${SNAPSHOT}`, ADDED],
      /^recording "shop": line 2 /,
    ],
    ['something else', [SNAPSHOT, '{"level":30}'], 'recording "shop": line 2 is not an event of a group'],
    ['null', [SNAPSHOT, 'null'], 'recording "shop": line 2 is not an event of a group'],
    [
      'an unknown phase',
      [SNAPSHOT, ADDED, '{"kind":"transition","seq":5,"at":2,"path":"shop/db","state":{"phase":"toString"}}'],
      'recording "shop": line 3 is not an event of a group',
    ],
    [
      'an unknown service',
      [SNAPSHOT, '{"kind":"transition","seq":4,"at":2,"path":"shop/x","state":{"phase":"idle"}}'],
      `recording "shop": line 2 can't be: an event of "shop/x", which was never added`,
    ],
  ])('%s', async (_, lines, message) => {
    await expect(replayed(lines)).rejects.toMatchObject({
      code: 'ERR_INVALID_RECORDING',
      service: lines[0] === SNAPSHOT ? 'shop' : '',
      message: expect.stringMatching(message),
    })
  })

  test('but not an event of a kind that a later version may tell: it changes nothing', async () => {
    const later = '{"kind":"weather","seq":4,"at":1,"path":"shop"}'
    const events = await replayed([SNAPSHOT, later, ADDED.replace('4', '5')])
    expect(events.map(({ kind }) => kind)).toEqual(['snapshot', 'weather', 'added'])
    expect(events.reduce(foldStatus, undefined as GroupStatus | undefined)).toMatchObject({ seq: 5, phase: 'idle' })
  })

  test('after all that is right before it', async () => {
    expect(await firstValueFrom(replayEvents([SNAPSHOT, 'hello', ADDED]))).toMatchObject({ kind: 'snapshot' })
  })
})
