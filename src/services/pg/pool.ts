/** A connection of a pool, as far as this library uses it. */
export interface PgClient {
  query(text: string): Promise<unknown>
  release(error?: Error): void
  end(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'end', listener: () => void): unknown
}

/** A `Pool` of pg, as far as this library uses it. */
export interface PgPool {
  readonly totalCount: number
  readonly waitingCount: number
  connect(): Promise<PgClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: (client: PgClient) => void): unknown
  on(event: 'acquire', listener: (client: PgClient) => void): unknown
  on(event: 'release', listener: (error: Error, client: PgClient) => void): unknown
}
