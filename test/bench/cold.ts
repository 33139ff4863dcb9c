// What the engine of a group costs, each sample in a process of its own: cold start and stop, memory, stack depth, and
// the cost of one change among many services. With the `dist` folder of another build as argument, that one is measured
// in alternation: `node --import tsx test/bench/cold.ts /path/to/other/dist`. Names of sections after that print these
// alone: load, cold, running, transition, change.
import { execFileSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { median } from './statistics.ts'

const [other = '', ...only] = process.argv.slice(2)
/** The arguments that name each build. */
const builds: Readonly<Record<string, readonly string[]>> = {
  'this build': [],
  ...(other !== '' && { 'other build': [other] }),
}
const rivals = ['Effect layers', 'avvio']

const run = (...args: readonly string[]): string => execFileSync(process.execPath, args, { encoding: 'utf8' })
const script = (file: string): readonly string[] => ['--import', 'tsx', fileURLToPath(new URL(file, import.meta.url))]

type Samples = ReadonlyMap<string, readonly number[]>

/** Every subject once a round; each second round goes backwards, so that none always follows the same one. */
const alternate = <T>(
  rounds: number,
  subjects: readonly string[],
  sample: (subject: string) => T,
): ReadonlyMap<string, readonly T[]> => {
  const taken = new Map<string, T[]>(subjects.map(subject => [subject, []]))
  for (let round = 0; round < rounds; round++)
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) taken.get(subject)!.push(sample(subject))
  return taken
}

const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

/** Median, range, and the ratio of the first subject to each: of medians, and of the fastest samples. */
const print = (title: string, unit: string, samples: Samples): void => {
  const [first = []] = samples.values()
  const rows = [...samples].map(([subject, values]) => [
    subject,
    {
      [unit]: rounded(median(values)),
      'min..max': `${rounded(Math.min(...values))}..${rounded(Math.max(...values))}`,
      'this build : it': rounded(median(first) / median(values), 2),
      'of the fastest': rounded(Math.min(...first) / Math.min(...values), 2),
    },
  ])
  console.log(`${title} (${first.length} samples)`)
  console.table(Object.fromEntries(rows))
}

const names = Object.keys(builds)
const startAndStop = (subject: string, size: number): number => {
  const build = builds[subject]
  const args = build ? ['rx-service-group', String(size), ...build] : [subject, String(size)]
  return (Number(run(...script('start-and-stop.ts'), ...args)) * 1_000) / size
}

const SIZES: readonly (readonly [size: number, rounds: number])[] = [
  [20, 15],
  [1_000, 15],
  [10_000, 9],
]

const load = (subject: string): number => {
  const url =
    builds[subject]!.map(dist => pathToFileURL(`${dist}/index.js`).href)[0] ?? import.meta.resolve('rx-service-group')
  const code = `const begun = performance.now(); await import('${url}'); console.log(performance.now() - begun)`
  return Number(run('--input-type=module', '--eval', code))
}
const printLoad = (): void => {
  print('Loading the library', 'ms', alternate(15, names, load))
}

const printCold = (): void => {
  const sized = SIZES.map(([size, rounds]) => {
    const samples = alternate(rounds, [...names, ...rivals], subject => startAndStop(subject, size))
    print(`Cold start and stop of ${size.toLocaleString('en')} services`, 'µs a service', samples)
    return { size, samples }
  })

  console.log('How it grows: the exponent between two sizes; 1 is in proportion to their number.')
  const exponent = (subject: string, at: number): number => {
    const [small, large] = [sized[at - 1]!, sized[at]!]
    const whole = ({ size, samples }: typeof small): number => median(samples.get(subject)!) * size
    return rounded(Math.log(whole(large) / whole(small)) / Math.log(large.size / small.size), 2)
  }
  const growth = [...names, ...rivals].map(subject => [
    subject,
    Object.fromEntries(sized.slice(1).map(({ size }, n) => [`${sized[n]!.size} to ${size}`, exponent(subject, n + 1)])),
  ])
  console.table(Object.fromEntries(growth))
}

interface Running {
  readonly bytes: number
  readonly start: number
  readonly running: number
  readonly stop: number
}

const printRunning = (): void => {
  const taken = alternate(3, names, subject => {
    const args = [...script('running.ts'), '10000', ...builds[subject]!]
    return JSON.parse(run('--expose-gc', ...args)) as Running
  })
  const kept = new Map([...taken].map(([subject, samples]) => [subject, samples.map(({ bytes }) => bytes)]))
  print('What each of 10,000 running services keeps on the heap', 'bytes a service', kept)
  console.log('Stack frames above a start hook, a listener that hears "running", and a stop hook')
  const frames = [...taken].map(([subject, [{ bytes: _, ...depths } = { bytes: 0 }]]) => [subject, depths])
  console.table(Object.fromEntries(frames))
}

const printTransition = (): void => {
  for (const size of [10, 1_000, 100_000]) {
    const transition = (subject: string): number =>
      Number(run(...script('transition.ts'), String(size), ...builds[subject]!))
    print(`One transition among ${size.toLocaleString('en')} services`, 'µs', alternate(5, names, transition))
  }
}

interface Changes {
  readonly failing: number
  readonly byHand: number
  readonly removal: number
}

const printChange = (): void => {
  for (const size of [100, 10_000]) {
    const changes = alternate(3, names, subject => {
      const args = [...script('restart.ts'), String(size), ...builds[subject]!]
      return JSON.parse(run(...args)) as Changes
    })
    const of = (what: keyof Changes): Samples =>
      new Map([...changes].map(([subject, samples]) => [subject, samples.map(sample => sample[what])]))
    const among = `among ${size.toLocaleString('en')} services`
    print(`One restart after a failure ${among}`, 'µs', of('failing'))
    print(`One restart by hand ${among}`, 'µs', of('byHand'))
    print(`One removal ${among}`, 'µs', of('removal'))
  }
}

const sections: Readonly<Record<string, () => void>> = {
  load: printLoad,
  cold: printCold,
  running: printRunning,
  transition: printTransition,
  change: printChange,
}
for (const [name, printSection] of Object.entries(sections))
  if (only.length === 0 || only.includes(name)) printSection()
