import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { inside } from './scenes/small.ts'

describe('calls from inside the code of a service', () => {
  keepsTheRules(inside)
})
