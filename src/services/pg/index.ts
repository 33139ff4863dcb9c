import { defer, finalize } from 'rxjs'
import { serviceError } from '../../core/errors.ts'
import { callable } from '../../core/options.ts'
import { checkName, type Service, service } from '../../core/service.ts'
import { makeLife } from './life.ts'
import type { PgPool } from './pool.ts'

export type { PgClient, PgPool } from './pool.ts'

/** A pool of pg as a service. */
export interface PgPoolService<Name extends string = string, Pool extends PgPool = PgPool> extends Service<Name> {
  /**
   * The pool of the running incarnation.
   *
   * @throws ServiceError `ERR_NOT_STARTED` before its start and after its end
   */
  readonly pool: Pool
}

/**
 * A pool of pg as a service: running when the database has answered. While the server is away at the start, the start
 * tries again until its timeout, and `info.waitsFor` tells why; a wrong password or database fails it at once. Later
 * the health is `fail` while the database does not answer, and `warn` while all connections are in use and callers
 * wait. It is asked every 10 s, and at once when a connection is lost.
 *
 * The pool serves on while the others drain. Its stop waits for the connections that are in use, and tells them as
 * `pending`. Forced, it ends them, and tells how many: `info: { cut: 2 }`.
 *
 * @param create makes the pool of each incarnation
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`; its lifecycle fails with `ERR_START_FAILED` when the
 * database refuses, `ERR_START_TIMEOUT` when it does not answer in time
 * @example
 * ```ts
 * import { Pool } from 'pg'
 *
 * const db = pgPool('db', () => new Pool({ connectionString: 'postgres://localhost/shop' }))
 * const group = serviceGroup('shop')
 *   .add(db)
 *   .add(service('orders', { start: async () => console.log((await db.pool.query('select now()')).rows) }))
 * ```
 */
export const pgPool = <const Name extends string, Pool extends PgPool>(
  name: Name,
  create: () => Pool,
): PgPoolService<Name, Pool> => {
  checkName(name)
  callable(name, 'create', create)
  let current: Pool | undefined
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const { hooks, letGo } = makeLife(create, pool => {
          current = pool
        })
        return service(name, hooks).lifecycle(shutdown$).pipe(finalize(letGo))
      }),
    get pool() {
      if (!current) throw serviceError('ERR_NOT_STARTED', name, 'its pool is there only while it runs; start it first')
      return current
    },
  }
}
