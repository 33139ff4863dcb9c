/** A promise that its owner resolves. */
export class Deferred<T> {
  resolve!: (value: T) => void
  readonly promise: Promise<T> = new Promise<T>(resolve => {
    this.resolve = resolve
  })
}
