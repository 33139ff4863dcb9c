/** The value below which this part of all values lies. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const place = part * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return below + (above - below) * (place % 1)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/**
 * What was measured of each kind: its costs, and their ratios to the bare one's in the same slice, process by process.
 */
export const printRatios = (
  title: string,
  costs: ReadonlyMap<string, readonly number[]>,
  ratios: ReadonlyMap<string, readonly (readonly number[])[]>,
): void => {
  const rows = [...costs].map(([name, cost]) => {
    const all = ratios.get(name)!.flat()
    const ofProcesses = ratios.get(name)!.map(median)
    return [
      name,
      {
        µs: Number(median(cost).toFixed(1)),
        'it : bare': Number(median(all).toFixed(3)),
        'half of the slices': `${quantile(all, 0.25).toFixed(2)} to ${quantile(all, 0.75).toFixed(2)}`,
        'medians of the processes': `${Math.min(...ofProcesses).toFixed(2)} to ${Math.max(...ofProcesses).toFixed(2)}`,
      },
    ]
  })
  console.log(title)
  console.table(Object.fromEntries(rows))
}
