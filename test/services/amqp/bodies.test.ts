import { type AmqpConsumerOptions, amqpConsumer, amqpMessages, amqpRpc } from 'rx-service-group/amqp'
import { map } from 'rxjs'
import { expect, expectTypeOf, test } from 'vitest'

const options = { url: 'amqp://localhost', queue: 'numbers' } as const satisfies Partial<AmqpConsumerOptions>

// The types are checked by the compiler; the names show that each call is made.
test('a handler gets what decode makes of a message, as the compiler sees it', () => {
  const consumers = [
    amqpConsumer(
      'a function',
      { ...options, decode: content => Number(content.toString()) },
      body => void expectTypeOf(body).toEqualTypeOf<number>(),
    ),
    amqpConsumer('text', { ...options, decode: 'text' }, body => void expectTypeOf(body).toEqualTypeOf<string>()),
    amqpConsumer('buffer', { ...options, decode: 'buffer' }, body => void expectTypeOf(body).toEqualTypeOf<Buffer>()),
    amqpConsumer('JSON', options, body => void expectTypeOf(body).toEqualTypeOf<unknown>()),
    amqpConsumer(
      'JSON of a known shape',
      options,
      (body: { id: number }) => void expectTypeOf(body.id).toEqualTypeOf<number>(),
    ),
    // @ts-expect-error a text is no number
    amqpConsumer('a wrong type', { ...options, decode: 'text' }, (body: number) => body),
    amqpMessages('messages', { ...options, decode: content => content.length }, messages$ =>
      messages$.pipe(
        map(message => {
          expectTypeOf(message.body).toEqualTypeOf<number>()
          return message
        }),
      ),
    ),
  ]
  const client = amqpRpc('client', { url: options.url, decode: content => content.length })
  expectTypeOf(client.request).returns.resolves.toEqualTypeOf<number>()
  expect([...consumers, client].map(({ name }) => name)).toEqual([
    'a function',
    'text',
    'buffer',
    'JSON',
    'JSON of a known shape',
    'a wrong type',
    'messages',
    'client',
  ])
})
