// The tests of the published packages that take longer than `make test` has. They install from a registry on loopback.
export default {
  extensions: ['ts'],
  files: ['tests/published/**/*.test.ts'],
  workerThreads: false,
  nodeArguments: [`--require=${import.meta.dirname}/scripts/compile-cache.cjs`],
  concurrency: 1,
  timeout: '10m',
};
