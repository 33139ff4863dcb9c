import { messageOf } from '../../core/errors.ts'
import type { Health } from '../../core/state.ts'
import { milliseconds } from '../../core/units.ts'
import type { PgClient, PgPool } from './pool.ts'

/** How long the database may take to answer, in milliseconds. */
export const CHECK_TIMEOUT = 1_000

/** A fault of a database. */
export interface Finding {
  readonly health: Exclude<Health, 'pass'>
  readonly detail: string
  readonly error: unknown
}

/** A question to the database that is under way. */
export interface Question {
  /** Never rejects. */
  readonly answer: Promise<Finding | undefined>
  readonly isAnswered: boolean
  /** The connection that it has got. A pool whose connections are all in use lets it wait. */
  readonly client: PgClient | undefined
}

/** Asks the database whether it is there, over a connection of the pool. */
export const ask = (pool: PgPool): Question => {
  const question: { answer: Question['answer']; isAnswered: boolean; client: PgClient | undefined } = {
    answer: Promise.resolve(undefined),
    isAnswered: false,
    client: undefined,
  }
  const put = async (): Promise<Finding | undefined> => {
    let failure: Error | undefined
    try {
      question.client = await pool.connect()
      await question.client.query('select 1')
    } catch (error) {
      failure = error instanceof Error ? error : new Error(messageOf(error))
    }
    question.isAnswered = true
    question.client?.release(failure)
    return failure && { health: 'fail', detail: `database: ${messageOf(failure)}`, error: failure }
  }
  question.answer = put()
  return question
}

/** The finding about a question that is not answered in time. */
export const lateness = ({ totalCount, waitingCount }: PgPool, question: Question | undefined): Finding => {
  if (question?.client === undefined && waitingCount > 0) {
    const others = waitingCount > 1 ? `, and ${waitingCount - 1} wait for one` : ''
    const detail = `all ${totalCount} connections are in use${others}`
    return { health: 'warn', detail, error: new Error(detail) }
  }
  const detail = `no answer in ${milliseconds(CHECK_TIMEOUT)}`
  return { health: 'fail', detail: `database: ${detail}`, error: new Error(detail) }
}

/**
 * Whether it is of no use to try again: the server has answered, and refused. Class 28 is a wrong user or password, 3D
 * a database that is not there.
 */
export const isRefusal = (error: unknown): boolean => {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(28|3D)[0-9A-Z]{3}$/.test(code)
}
