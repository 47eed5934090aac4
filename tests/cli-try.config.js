export default {
  extensions: ['ts'],
  files: ['tests/e2e/{idempotency,hostile-input,identity,trace,control-plane-away}.test.ts'],
  workerThreads: false,
  concurrency: 1,
  timeout: '180s',
};
