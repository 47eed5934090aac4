import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Registry } from '../registry.ts';

const execute = promisify(execFile);
const tools = join(import.meta.dirname, '../../node_modules/.bin');
const source = join(import.meta.dirname, 'project');
const generation = {
  version: 'v2',
  plugins: [{ local: 'protoc-gen-es', out: 'src/gen', opt: ['target=ts', 'import_extension=js'] }],
};

/** A user's directory outside of this repository, which installs from the registry. */
export class UserProject {
  readonly directory: string;
  readonly #registry: Registry;

  private constructor(directory: string, registry: Registry) {
    this.directory = directory;
    this.#registry = registry;
  }

  /** An empty directory with a package.json. The caller removes it. */
  static async create(registry: Registry): Promise<UserProject> {
    const project = new UserProject(await mkdtemp(join(tmpdir(), 'user-')), registry);
    await writeFile(join(project.directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    return project;
  }

  install(...packages: readonly string[]): Promise<string> {
    return this.run('npm', 'install', '--prefer-offline', '--no-progress', ...packages);
  }

  /** Lays out a service of the kit with its caller, and compiles both strictly against the installed declarations. */
  async buildService(): Promise<void> {
    const at = (path: string) => join(this.directory, path);
    await mkdir(at('proto/bakery/bread/v1'), { recursive: true });
    await mkdir(at('src'));
    await cp(join(source, 'bread.proto'), at('proto/bakery/bread/v1/bread.proto'));
    await cp(join(source, 'baker.ts'), at('src/baker.ts'));
    await cp(join(source, 'tsconfig.json'), at('tsconfig.json'));
    await writeFile(at('buf.gen.yaml'), JSON.stringify(generation));
    await this.run('buf', 'generate', 'proto');
    await this.install('--save-dev', '@types/node@24', '@types/pg');
    await this.run('tsc', '-p', '.');
  }

  /** Runs a command with this repository's tools, and returns its stdout. When it fails, the error has the end of what it printed. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const PATH = `${tools}${delimiter}${process.env.PATH}`;
    try {
      const { stdout } = await execute(command, args, {
        cwd: this.directory,
        env: { ...this.#registry.env, PATH, LOG_LEVEL: 'silent' },
        timeout: 180_000,
        maxBuffer: 64 << 20,
      });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
      throw new Error(`${message.split('\n')[0]}\n${`${stdout}\n${stderr}`.slice(-8_000)}`, { cause: error });
    }
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}
