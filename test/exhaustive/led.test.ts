import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { led } from './scenes/led.ts'

describe('any order of steps and timeouts', () => {
  keepsTheRules(led)
})
