import { describe } from 'vitest'
import { keepsTheRules } from './keeps-the-rules.ts'
import { listeners } from './scenes/listeners.ts'

describe('calls by a listener, at any event of any order', () => {
  keepsTheRules(listeners)
})
