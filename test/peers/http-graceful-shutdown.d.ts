/** As its page says. The package has no types. */
declare module 'http-graceful-shutdown' {
  import type { Server } from 'node:http'

  const gracefulShutdown: (
    server: Server,
    options?: {
      readonly timeout?: number
      readonly signals?: string
      readonly forceExit?: boolean
      readonly preShutdown?: (signal?: string) => Promise<unknown>
      readonly onShutdown?: (signal?: string) => Promise<unknown>
      readonly finally?: (signal?: string) => unknown
    },
  ) => () => Promise<void>
  export default gracefulShutdown
}
