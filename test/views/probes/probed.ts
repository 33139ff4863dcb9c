import express from 'express'
import { type ProbesOptions, probes } from 'rx-service-group/probes'
import { request } from '../../services/http/driver.ts'
import { serve } from '../dashboard/watch.ts'

const PROBES = ['livez', 'startupz', 'readyz', 'healthz'] as const

export type Probed = Parameters<typeof probes>[0]

/** Probes on a server that has nothing to do with their group: it answers before the start and after the end. */
export const probed = async (group: Probed, options?: ProbesOptions) => {
  const port = await serve(express().use(probes(group, options)))
  const ask = async (path: string) => {
    const { status, body } = await request(port, path)
    return { status, body: JSON.parse(body) as unknown }
  }
  return {
    port,
    ask,
    /** What all of them answer, whole. */
    all: async () => Object.fromEntries(await Promise.all(PROBES.map(async probe => [probe, await ask(`/${probe}`)]))),
  }
}

/** Well, or well with concerns. */
export const ok = (...notes: readonly string[]) => ({
  status: 200,
  body: notes.length > 0 ? { status: 'warn', notes } : { status: 'pass' },
})

export const fails = (...notes: readonly string[]) => ({ status: 503, body: { status: 'fail', notes } })
