import {
  type Abortable,
  type RestartByHandOptions,
  type ServiceHandle,
  type ServiceState,
  type StopOptions,
  service,
  serviceGroup,
  values,
} from 'rx-service-group'
import { of } from 'rxjs'
import { expectTypeOf, test } from 'vitest'

test('the types of what a group offers', () => {
  const group = serviceGroup('shop')
    .add(service('db', {}))
    .add(serviceGroup('workers').add(service('mailer', {})))
  expectTypeOf(group.ready).toEqualTypeOf<Promise<void>>()
  expectTypeOf(group.whenReady).parameter(0).toEqualTypeOf<Abortable | undefined>()
  expectTypeOf(group.start).parameter(0).toEqualTypeOf<Abortable | undefined>()
  expectTypeOf(group.restart).parameter(1).toEqualTypeOf<RestartByHandOptions | undefined>()
  expectTypeOf(group.stop).parameter(0).extract<{ force?: unknown }>().toEqualTypeOf<StopOptions>()
  // Editors complete the names of the services of the group; any other name is allowed, for nested groups.
  expectTypeOf(group.service).parameter(0).extract<'db' | 'workers'>().toEqualTypeOf<'db' | 'workers'>()
  expectTypeOf(group.service('db')).toEqualTypeOf<ServiceHandle>()
  expectTypeOf(group.service('workers/mailer').state).toEqualTypeOf<ServiceState>()
  expectTypeOf(values(of(1))).toEqualTypeOf<AsyncGenerator<number, void, undefined>>()
  // @ts-expect-error The option has another name.
  void (() => group.restart('db', { dependants: false }))
  // @ts-expect-error A signal is an AbortSignal.
  void (() => group.start({ signal: 'SIGTERM' }))
  // @ts-expect-error There is no such option.
  void (() => group.stop({ force: true, reson: 'x' }))
})
