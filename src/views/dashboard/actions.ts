import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GroupStatus } from '../../core/status/status.ts'
import { type Asked, act, type GroupActions } from '../common/act.ts'
import { type Handler, JSON_TYPE, problem, send } from '../common/listener.ts'
import { Refused } from '../common/refused.ts'
import { addressOf } from './address.ts'
import { askedIn } from './asked.ts'
import { jsonBody } from './body.ts'
import { isSameOrigin } from './guard.ts'
import { newWrongTokens } from './wrong-tokens.ts'

/** A group that can be acted on, and who may do so. */
export interface Acted {
  readonly group: GroupActions
  /** The status of the group. */
  status(): GroupStatus | undefined
  readonly token: string
  readonly hosts: readonly string[]
}

/**
 * `POST actions`: starts, stops or restarts a service, or stops the group, for whoever has the token. The group is told
 * each request, and so is the log.
 */
export const actions = ({ group, status, token, hosts }: Acted): Handler => {
  const refuseStranger = strangers(token, hosts)
  return async ({ request, response }) => {
    const by = addressOf(request)
    let asked: Asked | undefined
    try {
      refuseStranger(request, by)
      const body = await jsonBody(request)
      asked = askedIn(body)
      await act(asked, group, status(), 'dashboard', () => group.recordRequest?.({ ...asked, by, outcome: 'accepted' }))
      send(response, 202, JSON_TYPE, JSON.stringify(body))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      group.recordRequest?.({ ...asked, by, outcome: 'refused', reason: error.message })
      await refuse(response, error)
    }
  }
}

/** Refuses requests from other pages, and those without the token. */
const strangers = (token: string, hosts: readonly string[]): ((request: IncomingMessage, by: string) => void) => {
  const wrongTokens = newWrongTokens()
  return ({ headers }, by) => {
    if (!isSameOrigin(headers, hosts))
      throw new Refused(403, 'ERR_CROSS_ORIGIN', 'only the page of this dashboard may ask for that')
    if (isEqual(headers.authorization ?? '', `Bearer ${token}`)) return
    const wait = wrongTokens.wait(by)
    if (wait <= wrongTokens.longest)
      throw new Refused(401, 'ERR_UNAUTHORIZED', 'this needs the token: "Authorization: Bearer ..."', wait)
    const seconds = Math.ceil(wait / 1_000)
    throw new Refused(429, 'ERR_TOO_MANY_REQUESTS', `too many wrong tokens; try again in ${seconds} s`)
  }
}

/** As long for every guess. */
const isEqual = (given: string, wanted: string): boolean => timingSafeEqual(digest(given), digest(wanted))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const refuse = async (response: ServerResponse, { status, code, message, wait }: Refused): Promise<void> => {
  if (wait > 0) await pause(wait, response)
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
  if (status === 429) response.setHeader('Retry-After', '2')
  // The rest of the body is not waited for.
  if (status === 408) response.setHeader('Connection', 'close')
  problem(response, status, code, message)
}

/** Waits, but not for a client that is gone. */
const pause = (ms: number, response: ServerResponse): Promise<void> =>
  new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      response.off('close', end)
      resolve()
    }
    const timer = setTimeout(end, ms).unref()
    response.once('close', end)
  })
