import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const templates = join(import.meta.dirname, '../packages/cli/templates/service');
const downloadMs = 300_000;

/** What the samples of other languages need on this machine, or why they cannot run: a sentence. */
export type OtherLanguages = { readonly venv: string } | { readonly missing: string };

/**
 * Makes ready what the samples in Python and Go need: grpcio in a virtual environment, and grpc-go in Go's own caches. The first time
 * downloads; $WEFT_CACHE, by default ~/.cache/weft, keeps the virtual environment.
 */
export async function otherLanguages(): Promise<OtherLanguages> {
  try {
    await execute('python3', ['-m', 'venv', '--help']);
  } catch {
    return { missing: 'there is no python3 with venv' };
  }
  try {
    await execute('go', ['version']);
  } catch {
    return { missing: 'there is no go' };
  }
  try {
    const [venv] = await Promise.all([virtualEnvironment(), goModules()]);
    return { venv };
  } catch (error) {
    return { missing: `grpcio or grpc-go could not be downloaded: ${error instanceof Error ? error.message : error}` };
  }
}

async function virtualEnvironment(): Promise<string> {
  const requirements = await withDatabase('python/requirements.txt');
  const { stdout: version } = await execute('python3', ['--version']);
  const digest = createHash('sha256').update(version).update(requirements).digest('hex').slice(0, 12);
  const cache = join(process.env.WEFT_CACHE || join(homedir(), '.cache/weft'), 'python');
  const venv = join(cache, digest);
  if (await exists(join(venv, 'requirements.txt'))) return venv;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'new-'));
  try {
    await execute('python3', ['-m', 'venv', scratch]);
    const file = join(scratch, 'wanted.txt');
    await writeFile(file, requirements);
    const pip = ['-m', 'pip', 'install', '--quiet', '-r', file];
    await execute(join(scratch, 'bin/python'), pip, { timeout: downloadMs });
    // The sample's sign that all is installed.
    await rename(file, join(scratch, 'requirements.txt'));
    await rename(scratch, venv);
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    // Another run may have been quicker.
    if (!(await exists(join(venv, 'requirements.txt')))) throw error;
  }
  return venv;
}

/** A file of a template as a service with a database has it. */
async function withDatabase(path: string): Promise<string> {
  return (await readFile(join(templates, path), 'utf8')).replace(/^\{\{.*\}\}\n/gm, '');
}

/** Go keeps modules and what it has compiled for all projects of a user. */
async function goModules(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'go-'));
  try {
    const mod = await withDatabase('go/go.mod');
    await writeFile(join(scratch, 'go.mod'), mod.replace(/^module .*/, 'module bakery/warm'));
    await copyFile(join(templates, 'go/go.sum'), join(scratch, 'go.sum'));
    const tools = ['google.golang.org/protobuf/cmd/protoc-gen-go', 'google.golang.org/grpc/cmd/protoc-gen-go-grpc'];
    const packages = [
      ...tools,
      'google.golang.org/grpc/health',
      'github.com/jackc/pgx/v5/pgxpool',
      'google.golang.org/genproto/googleapis/api/annotations',
    ];
    await execute('go', ['build', ...packages], { cwd: scratch, timeout: downloadMs });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
