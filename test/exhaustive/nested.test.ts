import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { nested } from './scenes/nested.ts'

describe('any order of what happens inside and outside a nested group', () => {
  keepsTheRules(nested)
})
