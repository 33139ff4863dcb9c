import { answersWith, type OwnServer, useServer } from './own-server.ts'

/** A Redis server for this test file. */
export const useRedis = (): OwnServer =>
  useServer({
    commands: ['/usr/bin/redis-server', '/usr/local/bin/redis-server'],
    install: 'apt-get install -y redis-server',
    // What it holds is written at once, so that it is there again after a crash.
    args: (port, folder) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
    ],
    killSignal: 'SIGKILL',
    answers: port => answersWith(port, 'PING\r\n'),
    url: port => `redis://127.0.0.1:${port}`,
  })
