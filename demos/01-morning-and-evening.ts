/**
 * Two HTTP services in one process, started in order and stopped in reverse: go-zero's ServiceGroup story.
 *
 *   node --import tsx demos/01-morning-and-evening.ts        (MORNING_PORT=8080 EVENING_PORT=8081)
 *   curl localhost:8080/morning ; curl localhost:8081/evening
 *
 * Press Ctrl-C, or send SIGTERM: evening goes first, morning last, and what is being answered is answered.
 */
import express from 'express'
import { run, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

const greeter = (word: string) => express().get(`/${word}`, (_, response) => void response.send(`${word}!\n`))

const group = serviceGroup('day')
  .add(http('morning', greeter('morning'), { port: Number(process.env['MORNING_PORT'] ?? 8080) }))
  .add(http('evening', greeter('evening'), { port: Number(process.env['EVENING_PORT'] ?? 8081) }))

log(group)
await run(group)
