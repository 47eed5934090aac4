import { spawn } from 'node:child_process';

/** How a command is run. */
export interface CommandOptions {
  /** What it reads on stdin. */
  readonly input?: string;
  /** Default: 3 minutes. */
  readonly timeoutMs?: number;
  /** Default: this process'. */
  readonly cwd?: string;
  readonly env?: Readonly<NodeJS.ProcessEnv>;
}

/** What a command said when it failed. */
export class CommandFailed extends Error {
  readonly stderr: string;
  constructor(command: string, stderr: string, why: string) {
    super(`${command}: ${why}\n${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/** Runs a program and resolves with its stdout; rejects with CommandFailed, which holds its stderr. */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input, timeoutMs = 180_000, cwd, env } = options;
  const shown = `${command} ${args.join(' ')}`.slice(0, 200);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => reject(new CommandFailed(shown, stderr, error.message)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandFailed(shown, `${stderr}${stdout.slice(-2000)}`, `ended with ${signal ?? code}`));
    });
    // A program that does not read its input is no failure of ours.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

/** Runs kubectl against the current context. */
export function kubectl(...args: readonly string[]): Promise<string> {
  return run('kubectl', args);
}

/** Runs helm against the current context. */
export function helm(...args: readonly string[]): Promise<string> {
  return run('helm', args, { timeoutMs: 420_000 });
}

/** Applies manifests: objects, or text. */
export function apply(manifests: string | readonly object[], ...args: readonly string[]): Promise<string> {
  const input =
    typeof manifests === 'string' ? manifests : manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
  return run('kubectl', ['apply', '-f', '-', ...args], { input });
}

/** What `kubectl get ... -o json` prints. */
export async function get<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json'));
}
