import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { restarts } from './scenes/restarts.ts'

describe('any order of failures and restarts', () => {
  keepsTheRules(restarts)
})
