import { printRatios } from './statistics.ts'

/** A process that is measured. */
export interface Contender {
  readonly name: string
  /** Does one slice of the work, and tells what one piece of it cost. */
  readonly slice: () => Promise<number>
  readonly end: () => unknown
}

/** How often a kind is measured. */
export interface Rounds {
  readonly processes: number
  readonly slices: number
}

/**
 * Measures processes of several kinds beside each other, one slice of each in turns, and prints the costs. The first
 * name is the bare one that the others are compared with.
 */
export const measureInTurns = async (
  title: string,
  names: readonly string[],
  { processes, slices }: Rounds,
  start: (name: string) => Promise<Contender>,
): Promise<void> => {
  const [first = ''] = names
  const costs = new Map<string, number[]>(names.map(name => [name, []]))
  const ratios = new Map<string, number[][]>(names.map(name => [name, []]))
  for (let n = 0; n < processes; n++) {
    const contenders: Contender[] = []
    for (const name of names) contenders.push(await start(name))
    for (const name of names) ratios.get(name)!.push([])
    for (let slice = 0; slice < slices; slice++) {
      const cost = new Map<string, number>()
      // Each follows another one each time.
      const turn = slice % contenders.length
      const order = [...contenders.slice(turn), ...contenders.slice(0, turn)]
      for (const one of slice % 2 ? order : order.toReversed()) cost.set(one.name, await one.slice())
      for (const [name, one] of cost) {
        costs.get(name)!.push(one)
        ratios
          .get(name)!
          .at(-1)!
          .push(one / cost.get(first)!)
      }
    }
    for (const { end } of contenders) await end()
  }
  printRatios(title, costs, ratios)
}
