import { Observable } from 'rxjs'

/** Errors that nobody caught: exceptions and rejections alike. While subscribed, they no longer end the process. */
export const uncaught$: Observable<unknown> = new Observable(out => {
  const tell = (error: unknown): void => out.next(error)
  process.on('uncaughtException', tell)
  process.on('unhandledRejection', tell)
  return () => {
    process.off('uncaughtException', tell)
    process.off('unhandledRejection', tell)
  }
})
