import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { answersWith, type OwnServer, useServer } from './own-server.ts'

const LIB = '/usr/lib/postgresql'
const versions = existsSync(LIB) ? readdirSync(LIB) : []
const programs = (name: string): string[] => [...versions.map(version => join(LIB, version, 'bin', name)), name]

/** Asks whether it would speak TLS: a byte comes back, whatever the answer. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47)

/** A PostgreSQL server for this test file: its database is `postgres`, and so is its user, who needs no password. */
export const usePostgres = (): OwnServer =>
  useServer({
    commands: programs('postgres'),
    install: 'apt-get install -y postgresql',
    prepare: folder => [
      programs('initdb').find(existsSync) ?? 'initdb',
      ...['-D', join(folder, 'data'), '-U', 'postgres', '--auth=trust', '--no-sync'],
    ],
    args: (port, folder) => [
      ...['-D', join(folder, 'data'), '-p', String(port), '-k', folder, '-F'],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=20', '-c', 'shared_buffers=1MB'],
    ],
    user: 'postgres',
    // An immediate end, which takes its children along.
    killSignal: 'SIGQUIT',
    answers: port => answersWith(port, SSL_REQUEST),
    url: port => `postgres://postgres@127.0.0.1:${port}/postgres`,
  })
