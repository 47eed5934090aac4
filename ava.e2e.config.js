// The tests that go through a running mesh: one file at a time, since each starts a mesh of its own.
export default {
  extensions: ['ts'],
  files: ['tests/e2e/**/*.test.ts', 'tests/fuzz/**/*.test.ts'],
  workerThreads: false,
  nodeArguments: [`--require=${import.meta.dirname}/scripts/compile-cache.cjs`],
  concurrency: 1,
  timeout: '4m',
};
