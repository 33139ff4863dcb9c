import { defer, finalize, Subscription } from 'rxjs'
import { type Service, service } from '../../../core/service.ts'
import type { Settings } from './options.ts'
import { type Publication, type Publishing, publication } from './publication.ts'

/** The lives of a service that publishes, one after the other. */
export interface PublishingLives<Name extends string, P extends Publishing> {
  /** The publication of the present incarnation, while it takes messages. */
  readonly open: P | undefined
  readonly lifecycle: Service<Name>['lifecycle']
}

/** @param publish Makes what one life publishes from. It calls `onChange` at each change. */
export const publishingLives = <Name extends string, P extends Publishing>(
  name: Name,
  settings: Settings,
  publish: (onChange: () => void) => P,
): PublishingLives<Name, P> => {
  let current: Publication<P> | undefined
  return {
    get open() {
      return current?.open
    },
    lifecycle: shutdown$ =>
      defer(() => {
        const life = new Subscription()
        const mine = publication(settings, life, publish)
        current = mine
        return service(name, mine.hooks)
          .lifecycle(shutdown$)
          .pipe(
            finalize(() => {
              life.unsubscribe()
              if (current === mine) current = undefined
            }),
          )
      }),
  }
}
