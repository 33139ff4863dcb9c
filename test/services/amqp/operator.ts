import { randomUUID } from 'node:crypto'
import type { Broker } from '../../support/broker.ts'

/** A user at the broker, who may do everything in one virtual host. */
export interface User {
  readonly name: string
  readonly password: string
}

/** What an operator does at a broker. */
export interface Operator {
  addUser(password: string): Promise<User>
  /** Adds a user again who was deleted. */
  addAgain(user: User): Promise<void>
  setPassword(user: User, password: string): Promise<void>
  deleteUser(user: User): Promise<void>
  addVhost(name: string, user: User): Promise<void>
  deleteVhost(name: string): Promise<void>
  /** The most connections of the virtual host, or as many as anyone likes. */
  limitConnections(most: number | undefined): Promise<void>
  /** The most connections of a user. */
  limitUser(user: User, most: number): Promise<void>
  /** The names of the connections to the virtual host, as the management page shows them. */
  connectionNames(): Promise<readonly string[]>
}

export const operator = (broker: Broker): Operator => {
  const run = async (code: string): Promise<void> => {
    await broker.evaluate(code)
  }
  const users = 'rabbit_auth_backend_internal'
  const by = '<<"test">>'
  const bytes = (text: string) => `<<${[...Buffer.from(text)].join(',')}>>`
  const permit = ({ name }: User, vhost: string) => {
    const all = bytes('.*')
    return run(`${users}:set_permissions(${bytes(name)},${bytes(vhost)},${all},${all},${all},${by})`)
  }
  const addAgain = async (user: User): Promise<void> => {
    await run(`${users}:add_user(${bytes(user.name)},${bytes(user.password)},${by})`)
    await permit(user, broker.vhost)
  }
  return {
    addUser: async password => {
      const user = { name: `user-${randomUUID()}`, password }
      await addAgain(user)
      return user
    },
    addAgain,
    setPassword: ({ name }, password) => run(`${users}:change_password(${bytes(name)},${bytes(password)},${by})`),
    deleteUser: ({ name }) => run(`${users}:delete_user(${bytes(name)},${by})`),
    addVhost: async (name, user) => {
      await run(`rabbit_vhost:add(${bytes(name)},${by})`)
      await permit(user, name)
    },
    deleteVhost: name => run(`rabbit_vhost:delete(${bytes(name)},${by})`),
    limitConnections: most =>
      run(
        most === undefined
          ? `rabbit_vhost_limit:clear(${bytes(broker.vhost)},${by})`
          : `rabbit_vhost_limit:set(${bytes(broker.vhost)},[{<<"max-connections">>,${most}}],${by})`,
      ),
    limitUser: ({ name }, most) =>
      run(`${users}:set_user_limits(${bytes(name)},${bytes(JSON.stringify({ 'max-connections': most }))},${by})`),
    connectionNames: async () => {
      const named = await broker.evaluate(
        '[[binary_to_list(N),10] || C <- rabbit_networking:connection_info_all([client_properties,vhost]), ' +
          `proplists:get_value(vhost,C) =:= ${bytes(broker.vhost)}, ` +
          '{<<"connection_name">>,_,N} <- proplists:get_value(client_properties,C)]',
      )
      return [...named.matchAll(/"([^"]*)"/g)].map(([, name]) => name!)
    },
  }
}

/** The URL of the broker, with another user. */
export const urlFor = (url: string, { name, password }: User): string => {
  const copy = new URL(url)
  copy.username = encodeURIComponent(name)
  copy.password = encodeURIComponent(password)
  return copy.href
}
