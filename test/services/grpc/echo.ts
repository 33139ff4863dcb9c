import {
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  makeGenericClientConstructor,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js'

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
})

/** A call of each kind, with texts instead of messages, so that nothing has to be compiled. */
export const echo = {
  Say: method('Say', false, false),
  Collect: method('Collect', true, false),
  Repeat: method('Repeat', false, true),
  Chat: method('Chat', true, true),
} satisfies ServiceDefinition

export interface EchoHandlers {
  readonly Say?: handleUnaryCall<string, string>
  readonly Collect?: handleClientStreamingCall<string, string>
  readonly Repeat?: handleServerStreamingCall<string, string>
  readonly Chat?: handleBidiStreamingCall<string, string>
  readonly [name: string]: unknown
}

type EchoMethod = keyof typeof echo

const Generic = makeGenericClientConstructor(echo, 'Echo')

/** A client with a channel of its own that doesn't wait long before it tries again. */
export const echoClient = (
  port: number,
  options: ChannelOptions = {},
  channelCredentials: ChannelCredentials = credentials.createInsecure(),
): Client =>
  new Generic(`127.0.0.1:${port}`, channelCredentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 50,
    ...options,
  })

const definitionOf = (name: EchoMethod) => {
  const { path, requestSerialize, responseDeserialize } = echo[name]
  return [path, requestSerialize, responseDeserialize] as const
}

/** The answer, or the gRPC status code it failed with. */
export const say = (client: Client, text: string, deadline?: number): Promise<string | number> =>
  new Promise(resolve => {
    const options = deadline === undefined ? {} : { deadline: Date.now() + deadline }
    client.makeUnaryRequest(...definitionOf('Say'), text, new Metadata(), options, (error, answer) =>
      resolve(error ? error.code : (answer ?? '')),
    )
  })

/** All that a stream brings, and the status code it ends with. */
export interface Heard {
  readonly texts: readonly string[]
  readonly first: Promise<void>
  readonly end: Promise<number>
  readonly pause: () => void
  readonly resume: () => void
}

const hear = (stream: NodeJS.ReadableStream): Heard => {
  const texts: string[] = []
  let heardFirst!: () => void
  const first = new Promise<void>(resolve => {
    heardFirst = resolve
  })
  const end = new Promise<number>(resolve => {
    stream.on('error', (error: ServiceError) => resolve(error.code)).on('end', () => resolve(0))
  })
  stream.on('data', (text: string) => {
    texts.push(text)
    heardFirst()
  })
  return { texts, first, end, pause: () => void stream.pause(), resume: () => void stream.resume() }
}

export const repeat = (client: Client, text: string): Heard =>
  hear(client.makeServerStreamRequest(...definitionOf('Repeat'), text))

export const chat = (client: Client) => {
  const stream = client.makeBidiStreamRequest(...definitionOf('Chat'))
  return { ...hear(stream), send: (text: string) => stream.write(text), finish: () => stream.end() }
}

export const collect = (client: Client) => {
  let answered!: (answer: string | number) => void
  const answer = new Promise<string | number>(resolve => {
    answered = resolve
  })
  const stream = client.makeClientStreamRequest(...definitionOf('Collect'), (error, text) =>
    answered(error ? error.code : (text ?? '')),
  )
  return { answer, send: (text: string) => stream.write(text), finish: () => stream.end() }
}
