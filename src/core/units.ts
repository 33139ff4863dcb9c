/** A duration for people: 340 ms, 1.34 s. */
export const milliseconds = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`

/** A number of times for people: once, twice, 3 times. */
export const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`)

/** A number of restarts for people: restarted once, restarted 3 times. */
export const restarted = (count: number): string => `restarted ${times(count)}`
