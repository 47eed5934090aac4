import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '../../../..');

/** How a command exited. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project outside this repository, with the CLI and the policy package installed as links. */
export class ForeignProject {
  readonly root: string;

  /** `installed`: further packages, by name, each a directory. */
  constructor(name: string, installed: Readonly<Record<string, string>> = {}) {
    this.root = join(realpathSync(mkdtempSync(join(tmpdir(), 'foreign-'))), name);
    mkdirSync(this.root);
    this.install('@weft/cli', join(root, 'packages/cli'));
    this.install('@weft/policy', join(root, 'packages/policy'));
    this.install('@bufbuild/protobuf', join(root, 'node_modules/@bufbuild/protobuf'));
    for (const [packageName, directory] of Object.entries(installed)) this.install(packageName, directory);
    this.write('package.json', JSON.stringify({ name, private: true, type: 'module' }));
  }

  /** Links a package, as npm does for a workspace. */
  install(name: string, directory: string): void {
    const link = join(this.root, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(directory, link);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), content);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** Removes a file or folder. */
  forget(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** Runs the project's installed weft command. */
  weft(args: readonly string[], cwd = '.'): Promise<Ended> {
    return this.run(process.execPath, [join(this.root, 'node_modules/@weft/cli/bin/weft.js'), ...args], cwd);
  }

  /** Runs a command until it exits, with the tools of this repository on its PATH. */
  async run(command: string, args: readonly string[], cwd = '.'): Promise<Ended> {
    const PATH = `${join(this.root, 'node_modules/.bin')}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
    const child = spawn(command, args, {
      cwd: join(this.root, cwd),
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  }

  remove(): void {
    rmSync(dirname(this.root), { recursive: true, force: true });
  }
}

/** A contract with one service. `callers`: who may call it; `more`: further lines. */
export function proto(name: string, { callers = [] as string[], imports = [] as string[], more = '' } = {}): string {
  const Name = name.replace(/(^|_)[a-z]/g, (part) => part.slice(-1).toUpperCase());
  const lines = ['weft/policy/v1/policy.proto', ...imports].map((path) => `import "${path}";`).join('\n');
  return `syntax = "proto3";
package bakery.${name}.v1;
${lines}
service ${Name}Service {
  option (weft.policy.v1.service) = {callers: ${JSON.stringify(callers)}};
  rpc Get${Name}(Get${Name}Request) returns (Get${Name}Response);
}
message Get${Name}Request { string id = 1; }
message Get${Name}Response { string title = 1; }
${more}`;
}
