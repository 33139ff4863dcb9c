import { createHash, timingSafeEqual } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ErrorRequestHandler, RequestHandler, Router } from 'express'
import { ServiceError } from '../../core/errors.ts'
import { isFinal, reasonOf } from '../../core/state.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { isSameOrigin, problem } from './guard.ts'

/** What people may ask of a group from afar. */
export interface DashboardActions {
  restart(name: string): Promise<void>
  stop(reason: string): Promise<unknown>
}

/** `POST actions`: restarts a service, by its name or path, or stops the group, for whoever has the token. */
export const actions = (
  { Router, json }: Pick<typeof import('express'), 'Router' | 'json'>,
  group: DashboardActions,
  status: () => GroupStatus | undefined,
  token: string,
  hosts: readonly string[],
): Router => {
  const guard: RequestHandler = (request, response, next) => {
    if (!isSameOrigin(request.headers, hosts))
      return problem(response, 403, 'ERR_CROSS_ORIGIN', 'only the page of this dashboard may ask for that')
    if (!isEqual(request.headers.authorization ?? '', `Bearer ${token}`)) {
      response.set('WWW-Authenticate', 'Bearer')
      return problem(response, 401, 'ERR_UNAUTHORIZED', 'this needs the token: "Authorization: Bearer ..."')
    }
    if (!request.is('application/json')) return problem(response, 400, 'ERR_BAD_REQUEST', 'give application/json')
    next()
  }
  const act: RequestHandler = async (request, response) => {
    const { action, service } = (request.body ?? {}) as { readonly action?: unknown; readonly service?: unknown }
    if (action === 'stop') {
      const state = status()?.group.state
      if (state && (isFinal(state) || reasonOf(state)))
        return problem(response, 409, 'ERR_GROUP_STOPPING', 'the group is shutting down, or over')
      // It tells what comes of it in its events.
      void group.stop('asked for on the dashboard')
      response.status(202).json({ action })
    } else if (action === 'restart' && typeof service === 'string') {
      const refusal = await refusalOf(group.restart(service))
      if (!refusal) response.status(202).json({ action, service })
      else problem(response, refusal.code === 'ERR_UNKNOWN_SERVICE' ? 404 : 409, refusal.code, refusal.message)
    } else problem(response, 400, 'ERR_BAD_REQUEST', 'give {"action":"stop"} or {"action":"restart","service":"..."}')
  }
  return Router().post('/actions', guard, json({ limit: '4kb' }), act, unreadable)
}

const REFUSALS: readonly string[] = [
  'ERR_UNKNOWN_SERVICE',
  'ERR_AMBIGUOUS_NAME',
  'ERR_NOT_STARTED',
  'ERR_GROUP_STOPPING',
  'ERR_GROUP_STOPPED',
  'ERR_ABANDONED',
] satisfies readonly ServiceError['code'][]

/** What can't be done is refused at once. Whether the service comes up again is seen in the events. */
const refusalOf = async (restart: Promise<void>): Promise<ServiceError | undefined> => {
  const error = await Promise.race([restart.catch((error: unknown) => error), nextTurn()])
  return error instanceof ServiceError && REFUSALS.includes(error.code) ? error : undefined
}

/** As long for every guess. */
const isEqual = (given: string, wanted: string): boolean => timingSafeEqual(digest(given), digest(wanted))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const unreadable: ErrorRequestHandler = (error: { readonly type?: string }, _request, response, next) => {
  if (error.type === undefined) return next(error)
  problem(response, 400, 'ERR_BAD_REQUEST', 'this is not JSON, or too long')
}
