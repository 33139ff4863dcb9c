#!/usr/bin/env node
/**
 * The command of a container's health check: asks the probes of a group, and exits with 0 when they answer with 2xx,
 * else with 1 and a line that tells why. It needs neither a shell nor curl.
 *
 *     rx-service-group-health [port | url | socket] [--timeout ms]
 */
import { type IncomingMessage, request } from 'node:http'
import { visible } from '../core/text/visible.ts'
import { milliseconds } from '../core/units.ts'

const USAGE = `usage: rx-service-group-health [port | url | socket] [--timeout ms]

Asks the probes of a group. Exits with 0 when they answer with 2xx, else with 1.

  8081                            http://127.0.0.1:8081/healthz, which is the default
  http://127.0.0.1:8081/readyz    another host, or another probe
  /run/shop.sock                  a unix socket
  unix:/run/shop.sock:/readyz     a unix socket, and another probe
  --timeout 3000                  how long the answer may take, in milliseconds`

const DEFAULT_PORT = '8081'
const DEFAULT_PATH = '/healthz'
const DEFAULT_TIMEOUT = 3_000

/** No more of an answer is read, in characters. */
const MOST_READ = 4_096

/** Longest reason, in characters. */
const LONGEST_REASON = 500

interface Target {
  /** As a person would write it. */
  readonly name: string
  readonly options: { readonly path: string } & (
    | { readonly host: string; readonly port: string }
    | { readonly socketPath: string }
  )
}

/** The question that the arguments ask for, or a text that tells what is wrong with them. */
interface Asked {
  readonly target: Target
  readonly timeout: number
}

const askedBy = (args: readonly string[]): Asked | string => {
  const all = args.flatMap(arg => (arg.startsWith('--timeout=') ? ['--timeout', arg.slice(10)] : [arg]))
  const at = all.indexOf('--timeout')
  const timeout = at < 0 ? DEFAULT_TIMEOUT : Number(all[at + 1] || 'none')
  if (!(timeout > 0 && timeout < 2 ** 31)) return '--timeout must be a number of milliseconds > 0'
  const [where = DEFAULT_PORT, ...rest] = at < 0 ? all : all.toSpliced(at, 2)
  const unknown = [where, ...rest].find(arg => arg.startsWith('-')) ?? rest[0]
  if (unknown !== undefined) return `${unknown} is unknown`
  const target = targetOf(where)
  return typeof target === 'string' ? target : { target, timeout }
}

const targetOf = (where: string): Target | string => {
  if (/^(unix:)?\//.test(where)) return onSocket(where.replace(/^unix:/, ''))
  const text = /^\d+$/.test(where) ? `http://127.0.0.1:${where}` : where.includes('://') ? where : `http://${where}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) return `${where} is no port, no URL and no path of a socket`
  if (url.protocol !== 'http:')
    return `${where} is not asked by http; give the probes a server of their own without TLS`
  const path = url.pathname === '/' ? DEFAULT_PATH : url.pathname
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const name = `http://${url.host}${path}${url.search}`
  return { name, options: { host, port: url.port || '80', path: `${path}${url.search}` } }
}

const onSocket = (where: string): Target => {
  const [socketPath = '', path = DEFAULT_PATH] = where.split(/:(?=\/)/)
  return { name: `unix:${socketPath}:${path}`, options: { socketPath, path } }
}

const end = (code: 0 | 1, text?: string): void => {
  if (text !== undefined) console.error(text)
  process.exitCode = code
}

const ask = ({ target: { name, options }, timeout }: Asked): void => {
  const signal = AbortSignal.timeout(timeout)
  // Without an agent no proxy of the environment stands in between.
  const asking = request({ ...options, agent: false, signal, headers: { accept: 'application/health+json' } })
  let isOver = false
  /** @param why the group is not well, or not there */
  const conclude = (why?: string): void => {
    if (isOver) return
    isOver = true
    asking.destroy()
    if (why === undefined) end(0)
    else end(1, visible(`${name}: ${why}`, LONGEST_REASON + name.length))
  }
  asking.on('error', error => conclude(signal.aborted ? `no answer within ${milliseconds(timeout)}` : error.message))
  asking.on('response', (answer: IncomingMessage) => {
    // An answer that is cut closes too.
    answer.on('error', () => {})
    const { statusCode = 0 } = answer
    if (statusCode >= 200 && statusCode < 300) return conclude()
    let body = ''
    const tell = (): void => conclude(body === '' ? `${statusCode}` : `${statusCode}, ${reasonsIn(body)}`)
    answer.setEncoding('utf8').on('data', (more: string) => {
      body += more
      if (body.length >= MOST_READ) tell()
    })
    answer.on('close', tell)
  })
  asking.end()
}

/** The notes in an answer of the probes, which name the services, or the text of any other answer. */
const reasonsIn = (body: string): string => {
  try {
    const { notes } = JSON.parse(body) as { readonly notes?: unknown }
    if (Array.isArray(notes) && notes.length > 0) return notes.join('; ')
  } catch {
    // Another server answers, or the answer is longer than is read.
  }
  return body.trim()
}

const asked = askedBy(process.argv.slice(2))
if (process.argv.includes('--help')) console.log(USAGE)
else if (typeof asked === 'string') end(1, `rx-service-group-health: ${visible(asked)}\n\n${USAGE}`)
else ask(asked)
