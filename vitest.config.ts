import { defineConfig } from 'vitest/config'

/** A client that is slow because the machine is busy with other tests looks like one that was cut off. */
const ALONE = ['load', 'load-http2', 'rolling'].map(name => `test/services/http/${name}.test.ts`)

/** Projects of users, which install the package as it would be published. */
const FROM_TARBALL = 'test/package/**/*.test.ts'

export default defineConfig({
  test: {
    env: { TZ: 'UTC' },
    // How long a condition may take to come true on a busy machine.
    expect: { poll: { timeout: 15_000 } },
    // A test never passes by retrying, and an error nobody caught fails the run.
    retry: 0,
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: [...ALONE, FROM_TARBALL],
          globalSetup: ['test/support/rabbitmq-global.ts', 'test/support/browser-global.ts'],
        },
      },
      {
        extends: true,
        // Once more, with queues as they are on RabbitMQ 4: quorum queues that drop what comes back too often.
        test: {
          name: 'delivery limit',
          include: ['test/services/amqp/*.test.ts'],
          env: { DELIVERY_LIMIT: '20' },
          globalSetup: ['test/support/rabbitmq-global.ts'],
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: [FROM_TARBALL],
          globalSetup: ['test/support/rabbitmq-global.ts', 'test/support/tarball-global.ts'],
          // These wait for npm most of the time.
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      { extends: true, test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
