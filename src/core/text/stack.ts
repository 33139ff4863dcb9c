/** How many frames of a stack are shown, at most. */
const MOST_FRAMES = 10

/** The folder of this library as stacks name it. A bundle has no such folder, so its frames are all shown. */
const ownFolder = (stack = ''): string | undefined => {
  const here = stack.split('\n').find(line => /[\\/]core[\\/]text[\\/]stack\.[jt]s:\d/.test(line))
  return here?.match(/((?:file:\/\/)?[^\s(]*[\\/])core[\\/]text[\\/]stack\.[jt]s:\d/)?.[1]
}

const OWN = ownFolder(new Error('where is this').stack)

/** Whether a frame is not of the user's code: of Node, RxJS, or this library. */
const isForeign = (frame: string): boolean =>
  /\(?node:|[\\/]node_modules[\\/]rxjs[\\/]|<anonymous>\)?$/.test(frame) || (OWN !== undefined && frame.includes(OWN))

/** The frames of a stack that are of the user's code, the innermost first, without the `at`. */
export const framesOf = (stack: string | undefined): readonly string[] =>
  (stack ?? '')
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .map(line => line.trim().slice('at '.length))
    .filter(frame => !isForeign(frame))
    .slice(0, MOST_FRAMES)
