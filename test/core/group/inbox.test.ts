import { describe, expect, test } from 'vitest'
import { Inbox, type Working } from '../../../src/core/group/inbox.ts'

/** A group that does its actions, one a turn, and notes each. */
const workingGroup = (depth: number, actions: (() => void)[]): Working => ({
  depth,
  turn: () => {
    const action = actions.shift()
    action?.()
    return action !== undefined
  },
})

describe('the inbox', () => {
  test('acts when all facts are written, and never inside another action', () => {
    const inbox = new Inbox()
    const log: string[] = []
    const group = workingGroup(0, [
      () => {
        inbox.take(() => log.push('fact from an action'))
        log.push('first action')
      },
      () => log.push('second action'),
    ])
    inbox.take(() => {
      inbox.work(group)
      inbox.take(() => log.push('inner fact'))
      log.push('outer fact')
    })
    expect(log).toEqual(['inner fact', 'outer fact', 'fact from an action', 'first action', 'second action'])
  })

  test('lets the innermost group act first', () => {
    const inbox = new Inbox()
    const log: string[] = []
    inbox.take(() => {
      inbox.work(workingGroup(0, [() => log.push('outer')]))
      inbox.work(workingGroup(1, [() => log.push('inner'), () => log.push('inner again')]))
    })
    expect(log).toEqual(['inner', 'inner again', 'outer'])
  })

  test.each([
    ['what is written', (inbox: Inbox, fail: () => never) => inbox.take(fail)],
    ['an action', (inbox: Inbox, fail: () => never) => inbox.take(() => inbox.work(workingGroup(0, [fail])))],
  ])('goes on after an error of %s', (_, failIn) => {
    const inbox = new Inbox()
    const log: string[] = []
    const fail = (): never => {
      throw new Error('broken clock')
    }
    expect(() => failIn(inbox, fail)).toThrow('broken clock')
    inbox.take(() => inbox.work(workingGroup(0, [() => log.push('acts')])))
    expect(log).toEqual(['acts'])
  })

  test('completes a wait when no group has anything left to do', () => {
    const inbox = new Inbox()
    const log: string[] = []
    let isDone = false
    inbox.until(() => isDone).subscribe({ complete: () => log.push('complete') })
    const setDone = (): void => {
      isDone = true
    }
    inbox.take(() => inbox.work(workingGroup(0, [setDone, () => log.push('last action')])))
    expect(log).toEqual(['last action', 'complete'])
  })
})
