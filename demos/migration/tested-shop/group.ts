import { type GroupOptions, type Service, serviceGroup } from 'rx-service-group'

export interface Services {
  readonly db: Service
  readonly orders: Service
  readonly api: Service
}

/** The group of the app. A test gives it other services, and its own clock. */
export const shopGroup = ({ db, orders, api }: Services, options: GroupOptions = {}) =>
  serviceGroup('shop', { drainDelay: 5_000, ...options })
    .add(db, { stopTimeout: 2_000 })
    .add(orders)
    .add(api)
