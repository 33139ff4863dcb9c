import type { Client, MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { service } from 'grpc-health-check'

type Method = MethodDefinition<{ service: string }, { status: string }>

const [check, watch] = ['check', 'watch'].map(name => {
  const found = Object.entries(service).find(([key]) => key.toLowerCase() === name)
  return found?.[1] as unknown as Method
}) as [Method, Method]

/** SERVING, NOT_SERVING, or the status code the question failed with. */
export const checkHealth = (client: Client, name = ''): Promise<string | number> =>
  new Promise(resolve => {
    const { path, requestSerialize, responseDeserialize } = check
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: name }, (error, answer) =>
      resolve(error ? error.code : (answer?.status ?? '')),
    )
  })

/** What is said of the health, and the status code at its end. */
export const watchHealth = (client: Client, name = '') => {
  const { path, requestSerialize, responseDeserialize } = watch
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: name })
  const said: string[] = []
  let heardFirst!: () => void
  const first = new Promise<void>(resolve => {
    heardFirst = resolve
  })
  stream.on('data', ({ status }: { status: string }) => {
    said.push(status)
    heardFirst()
  })
  const end = new Promise<number>(resolve => {
    stream.on('error', (error: ServiceError) => resolve(error.code)).on('end', () => resolve(0))
  })
  return { said, first, end }
}
