// The tests in a Kubernetes cluster: that of the current context. They share one installation, so one file at a time.
export default {
  extensions: ['ts'],
  files: ['tests/cluster/**/*.test.ts'],
  workerThreads: false,
  nodeArguments: [`--require=${import.meta.dirname}/scripts/compile-cache.cjs`],
  concurrency: 1,
  timeout: '15m',
};
