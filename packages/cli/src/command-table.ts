import type { Command } from 'commander';

/** A command of weft, without what it needs to run. */
export interface CommandEntry {
  /** "rotate-root". */
  readonly name: string;
  /** One line of `weft --help`. */
  readonly summary: string;
  /** Its file, read only when somebody gives the command. */
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
    summary: 'start the whole mesh on this machine, and follow edits',
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
    summary: 'stop the mesh and forget its data',
    load: async () => (await import('./commands/clean.ts')).cleanCommand(),
  },
  {
    name: 'status',
    summary: 'show services, replicas, proxies and what is wrong',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'check',
    summary: 'say whether the mesh is well, and how long it lasts without its control plane',
    load: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'rotate-root',
    summary: 'replace the root of all certificates, without a failed call',
    load: async () => (await import('./commands/rotate-root.ts')).rotateRootCommand(),
  },
  {
    name: 'scale',
    summary: 'add or remove replicas while it runs',
    load: async () => (await import('./commands/scale.ts')).scaleCommand(),
  },
  {
    name: 'restart',
    summary: 'restart a service or one replica, without a failed call',
    load: async () => (await import('./commands/restart.ts')).restartCommand(),
  },
  {
    name: 'run',
    summary: 'run the process of one service in the foreground, for a debugger',
    load: async () => (await import('./commands/run.ts')).runCommand(),
  },
  {
    name: 'stop',
    summary: 'stop the control plane or PostgreSQL, to see what the mesh does without it',
    load: async () => (await import('./commands/hold.ts')).stopCommand(),
  },
  {
    name: 'start',
    summary: 'start again what `weft stop` has ended, and wait until it serves',
    load: async () => (await import('./commands/hold.ts')).startCommand(),
  },
  {
    name: 'logs',
    summary: 'show what processes have logged',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  {
    name: 'package',
    summary: 'make the image and the chart values of one service',
    load: async () => (await import('./commands/package.ts')).packageCommand(),
  },
  {
    name: 'generate',
    summary: 'make code, contract packages and descriptors from .proto files',
    load: async () => (await import('./commands/generate.ts')).generateCommand(),
  },
  {
    name: 'contract',
    summary: 'pack contracts for other repositories',
    load: async () => (await import('./commands/contract.ts')).contractCommand(),
  },
  {
    name: 'compile',
    summary: 'print the Envoy configuration that a mesh directory gives',
    load: async () => (await import('./commands/compile.ts')).compileCommand(),
  },
  {
    name: 'lint',
    summary: 'check what the contracts say about calls',
    load: async () => (await import('./commands/lint.ts')).lintCommand(),
  },
  {
    name: 'override',
    summary: 'deny a caller, stop retries, change a deadline or a limit at once',
    load: async () => (await import('./commands/override.ts')).overrideCommand(),
  },
  {
    name: 'diff',
    summary: 'say what a change of contracts changes, and for whom',
    load: async () => (await import('./commands/diff.ts')).diffCommand(),
  },
  {
    name: 'history',
    summary: 'show what was pushed, why, and which proxies took it',
    load: async () => (await import('./commands/history.ts')).historyCommand(),
  },
  {
    name: 'why',
    summary: 'explain what becomes of one call, and why',
    load: async () => (await import('./commands/why.ts')).whyCommand(),
  },
  {
    name: 'revert',
    summary: 'hold contracts and policies at an earlier revision',
    load: async () => (await import('./commands/revert.ts')).revertCommand(),
  },
  {
    name: 'completion',
    summary: 'print what makes a shell complete commands and options',
    load: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
];
