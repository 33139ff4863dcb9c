import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { lives } from './scenes/lives.ts'

describe('any order in which services start, fail, end and stop', () => {
  keepsTheRules(lives)
})
