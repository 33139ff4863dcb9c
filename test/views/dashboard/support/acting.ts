import express from 'express'
import { type RequestEvent, service, serviceGroup } from 'rx-service-group'
import { type DashboardOptions, dashboard } from 'rx-service-group/dashboard'
import { fakeService } from 'rx-service-group/testing'
import { serve } from '../watch.ts'

export const token = 'correct horse battery staple'

/** A group with a dashboard under `/admin`, and who asks for something there. */
export const openShop = async (options: DashboardOptions = { token }) => {
  const db = fakeService('db', { stop: 'returns' })
  const group = serviceGroup('shop')
    .add(db)
    .add(serviceGroup('workers').add(service('mailer', {})))
  const requests: RequestEvent[] = []
  group.events$.subscribe(event => {
    if (event.kind === 'request') requests.push(event)
  })
  const port = await serve(express().use('/admin', dashboard(group, options)))
  const post = async (body: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/admin/actions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const { code, error } = (await response.json()) as { readonly code?: string; readonly error?: string }
    return { status: response.status, code, error }
  }
  /** What the group was told, without times and numbers. */
  const told = () => requests.map(({ kind, seq, at, ...request }) => request)
  return { db, group, port, post, told }
}
