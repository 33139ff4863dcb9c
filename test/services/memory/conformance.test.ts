import { memoryUse } from 'rx-service-group/memory'
import { serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'

describe('the watch over memory is like any other service', () => {
  for (const { name, run } of serviceConformance({ create: () => memoryUse('memory') })) test(name, run)
})
