import { eventLoopDelay } from 'rx-service-group/event-loop'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'

describe('the watch over the event loop is like any other service', () => {
  for (const { name, run } of serviceConformance({ create: () => eventLoopDelay('loop') })) test(name, run)
})
