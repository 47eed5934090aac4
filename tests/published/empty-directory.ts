import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findGrpcurl } from '../grpcurl.ts';
import { freePort } from '../mesh.ts';
import type { Registry } from '../registry.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);

/** A command that goes on until it is stopped. */
export interface Background {
  /** What it has printed, from character `since` on, once that matches. */
  said(pattern: RegExp, since?: number): Promise<string>;
  /** All that it has printed until now. */
  output(): string;
  /** Ends it as Ctrl-C in its terminal does. */
  stop(): Promise<void>;
}

/** A directory outside of this repository in which a person types commands. They install from the registry. */
export class EmptyDirectory {
  readonly path: string;
  /** Of the edge: weft takes it from WEFT_PORT. */
  readonly port: number;
  /** Where commands run: the directory, or a folder of it. */
  folder = '.';
  readonly #parent: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(parent: string, path: string, port: number, env: NodeJS.ProcessEnv) {
    this.#parent = parent;
    this.path = path;
    this.port = port;
    this.#env = env;
  }

  /**
   * `bin`: directories of programs that come first on PATH. `ci`: as a CI job finds it, else as a person at a terminal. The caller
   * removes the directory.
   */
  static async create(registry: Registry, bin: readonly string[] = [], ci = false): Promise<EmptyDirectory> {
    const [parent, port] = await Promise.all([mkdtemp(join(tmpdir(), 'first-day-')), freePort()]);
    const path = join(parent, 'home');
    await mkdir(path);
    // Nothing comes from this repository but the version of Node.
    const others = (process.env.PATH ?? '').split(delimiter).filter((directory) => !directory.includes('node_modules'));
    const found = findGrpcurl();
    const PATH = [...bin, dirname(process.execPath), ...others, ...(found ? [dirname(found)] : [])].join(delimiter);
    const env: NodeJS.ProcessEnv = {
      ...registry.env,
      PATH,
      WEFT_PORT: String(port),
      NO_COLOR: '1',
      npm_config_prefer_offline: 'true',
      npm_config_cache: await npmCache(join(parent, 'npm-cache'), registry.env),
    };
    for (const name of ['npm_config_local_prefix', 'npm_config_user_agent', 'INIT_CWD', 'CI']) delete env[name];
    if (ci) env.CI = 'true';
    return new EmptyDirectory(parent, path, port, env);
  }

  /** `localhost:<port>`. */
  get edge(): string {
    return `localhost:${this.port}`;
  }

  /** A path below the folder. */
  at(path: string): string {
    return join(this.path, this.folder, path);
  }

  /** Runs a line as a shell does, and returns its stdout. When it fails, the error has the end of what it printed. */
  async run(line: string): Promise<string> {
    try {
      const options = { cwd: this.at('.'), env: this.#env, timeout: 240_000, maxBuffer: 64 << 20 };
      return (await execute('sh', ['-c', line], options)).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${line} failed:\n${`${stdout}\n${stderr}`.slice(-8_000)}`, { cause: error });
    }
  }

  /** Starts a line in a terminal of its own. */
  start(line: string): Background {
    // A process group of its own, so that all its processes get the signal, as from a terminal.
    const child = spawn('sh', ['-c', line], { cwd: this.at('.'), env: this.#env, detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const running = () => child.exitCode === null && child.signalCode === null;
    const said = (pattern: RegExp, since = 0) =>
      waitFor(`${pattern} in what ${line} prints`, () => pattern.test(output.slice(since)) && output.slice(since), {
        timeoutMs: 90_000,
      }).catch((error: unknown) => {
        throw new Error(`${line} printed:\n${output.slice(-6_000)}`, { cause: error });
      });
    const stop = async () => {
      if (running() && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
      await ended;
    };
    return { said, output: () => output, stop };
  }

  remove(): Promise<void> {
    return rm(this.#parent, { recursive: true, force: true });
  }
}

/**
 * A cache of npm with what was downloaded before, and without programs that `npm create` has installed: those of the same version
 * would be run again, and two directories that install one at the same time would disturb each other.
 */
async function npmCache(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await execute('npm', ['config', 'get', 'cache'], { env });
  const downloads = join(stdout.trim(), '_cacache');
  await Promise.all([mkdir(downloads, { recursive: true }), mkdir(path)]);
  await symlink(downloads, join(path, '_cacache'));
  return path;
}
