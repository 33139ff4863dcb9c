/** How many frames of a stack are shown. */
const MOST_FRAMES = 10

/** This library's own folder, as it stands in stacks. Inside a bundle there is none, and nothing is left out for it. */
const ownFolder = (stack = ''): string | undefined => {
  const here = stack.split('\n').find(line => /[\\/]core[\\/]text[\\/]stack\.[jt]s:\d/.test(line))
  return here?.match(/((?:file:\/\/)?[^\s(]*[\\/])core[\\/]text[\\/]stack\.[jt]s:\d/)?.[1]
}

const OWN = ownFolder(new Error('where is this').stack)

/** Lines that say nothing of the user's code: node's own, RxJS', and this library's. */
const isForeign = (frame: string): boolean =>
  /\(?node:|[\\/]node_modules[\\/]rxjs[\\/]|<anonymous>\)?$/.test(frame) || (OWN !== undefined && frame.includes(OWN))

/**
 * Where an error was thrown, the innermost place first: the lines of its stack without the `at`, as far as they are the
 * user's.
 */
export const framesOf = (stack: string | undefined): readonly string[] =>
  (stack ?? '')
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .map(line => line.trim().slice('at '.length))
    .filter(frame => !isForeign(frame))
    .slice(0, MOST_FRAMES)
