import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { inside } from './scenes/inside.ts'

describe('calls from inside the code of a service', () => {
  keepsTheRules(inside)
})
