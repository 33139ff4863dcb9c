import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { changes } from './scenes/changes.ts'

describe('any order of calls that change a group', () => {
  keepsTheRules(changes)
})
