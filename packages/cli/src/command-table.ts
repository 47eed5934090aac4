import type { Command } from 'commander';

/** A command of weft, without its implementation. */
export interface CommandEntry {
  /** "rotate-root". */
  readonly name: string;
  /** One line of `weft --help`. */
  readonly summary: string;
  /** Loads its file. Called only when the user runs this command. */
  load(): Promise<Command>;
}

/** Every command of weft, in the order of `weft --help`. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start the whole mesh on this machine',
    load: async () => (await import('./commands/up.ts')).upCommand(),
  },
  {
    name: 'dev',
    summary: 'start the whole mesh on this machine and follow edits',
    load: async () => (await import('./commands/dev.ts')).devCommand(),
  },
  {
    name: 'add',
    summary: 'add a service to the project',
    load: async () => (await import('./commands/add.ts')).addCommand(),
  },
  {
    name: 'test',
    summary: "run the services' own tests",
    load: async () => (await import('./commands/test.ts')).testCommand(),
  },
  {
    name: 'down',
    summary: 'stop the mesh',
    load: async () => (await import('./commands/down.ts')).downCommand(),
  },
  {
    name: 'clean',
    summary: 'stop the mesh and delete its data',
    load: async () => (await import('./commands/clean.ts')).cleanCommand(),
  },
  {
    name: 'status',
    summary: 'show services, replicas, proxies and what is wrong',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'check',
    summary: 'check the health of the mesh, and how long it works without its control plane',
    load: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'rotate-root',
    summary: 'replace the root certificate without a failed call',
    load: async () => (await import('./commands/rotate-root.ts')).rotateRootCommand(),
  },
  {
    name: 'scale',
    summary: 'add or remove replicas of a running service',
    load: async () => (await import('./commands/scale.ts')).scaleCommand(),
  },
  {
    name: 'restart',
    summary: 'restart a service or one replica without a failed call',
    load: async () => (await import('./commands/restart.ts')).restartCommand(),
  },
  {
    name: 'run',
    summary: 'run the process of one service in the foreground, for example in a debugger',
    load: async () => (await import('./commands/run.ts')).runCommand(),
  },
  {
    name: 'stop',
    summary: 'stop the control plane or PostgreSQL, to see what the mesh does without it',
    load: async () => (await import('./commands/hold.ts')).stopCommand(),
  },
  {
    name: 'start',
    summary: 'start what `weft stop` stopped, and wait until it serves',
    load: async () => (await import('./commands/hold.ts')).startCommand(),
  },
  {
    name: 'logs',
    summary: 'show the logs of processes',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  {
    name: 'package',
    summary: 'build the image and the chart values of one service',
    load: async () => (await import('./commands/package.ts')).packageCommand(),
  },
  {
    name: 'generate',
    summary: 'generate code, contract packages and descriptors from .proto files',
    load: async () => (await import('./commands/generate.ts')).generateCommand(),
  },
  {
    name: 'contract',
    summary: 'pack contracts for other repositories',
    load: async () => (await import('./commands/contract.ts')).contractCommand(),
  },
  {
    name: 'compile',
    summary: 'print the Envoy configuration for a mesh directory',
    load: async () => (await import('./commands/compile.ts')).compileCommand(),
  },
  {
    name: 'lint',
    summary: 'check the call policies in the contracts',
    load: async () => (await import('./commands/lint.ts')).lintCommand(),
  },
  {
    name: 'override',
    summary: 'deny a caller, stop retries, change a deadline or a limit at once',
    load: async () => (await import('./commands/override.ts')).overrideCommand(),
  },
  {
    name: 'diff',
    summary: 'show what a contract change does, and to which callers',
    load: async () => (await import('./commands/diff.ts')).diffCommand(),
  },
  {
    name: 'history',
    summary: 'show which configurations were pushed, why, and which proxies accepted them',
    load: async () => (await import('./commands/history.ts')).historyCommand(),
  },
  {
    name: 'why',
    summary: 'explain what happens to a call, and why',
    load: async () => (await import('./commands/why.ts')).whyCommand(),
  },
  {
    name: 'revert',
    summary: 'hold contracts and policies at an earlier revision',
    load: async () => (await import('./commands/revert.ts')).revertCommand(),
  },
  {
    name: 'completion',
    summary: 'print a script that completes commands and options in a shell',
    load: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
];
