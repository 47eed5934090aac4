import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const execute = promisify(execFile);

/**
 * Compiles pieces of .proto files with buf, all at once. A piece may be a file, services and messages, or methods alone; requests and
 * responses that it does not define are empty messages, and a line `...` is what is left out. Returns their descriptor set, in which
 * piece N has the package `page.bN.v1` unless it names one itself.
 *
 * @throws with buf's words, which name the piece by its number, when one does not compile.
 */
export async function compileProtos(pieces: readonly string[]): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-docs-'));
  try {
    await writeFile(join(directory, 'buf.yaml'), 'version: v2\nmodules: [{path: pages}, {path: policy}]\n');
    await cp(join(root, 'packages/policy/proto'), join(directory, 'policy'), { recursive: true });
    await mkdir(join(directory, 'pages'));
    for (const [index, piece] of pieces.entries())
      await writeFile(join(directory, 'pages', `b${index}.proto`), protoFile(piece, index));
    await buf(directory, 'build', '--as-file-descriptor-set', '-o', 'set.binpb');
    return await readFile(join(directory, 'set.binpb'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Lints an empty module with a piece of a buf.yaml; resolves when buf and the plugins that it names take it. */
export async function lintWith(piece: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-docs-'));
  try {
    await writeFile(join(directory, 'buf.yaml'), `version: v2\n${piece}\n`);
    await mkdir(join(directory, 'page/v1'), { recursive: true });
    await writeFile(join(directory, 'page/v1/page.proto'), 'syntax = "proto3";\npackage page.v1;\n');
    await buf(directory, 'lint');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function buf(cwd: string, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };
  try {
    await execute('buf', args, { cwd, env });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`buf ${args[0]}: ${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

function protoFile(piece: string, index: number): string {
  const isImport = (line: string) => /^import /.test(line);
  const lines = piece.split('\n').filter((line) => line.trim() !== '...');
  const imports = new Set([...lines.filter(isImport), 'import "weft/policy/v1/policy.proto";']);
  const body = lines.filter((line) => !isImport(line) && !/^(?:syntax|package) /.test(line));
  const isMethods = !body.some((line) => /^(?:service|message|enum) /.test(line));
  const code = (isMethods ? ['service PageService {', ...body, '}'] : body).join('\n');
  const used = [...code.matchAll(/\((?:stream )?([A-Z]\w*)\)/g)].map(([, name = '']) => name);
  const missing = [...new Set(used)].filter((name) => !new RegExp(`^message ${name}\\b`, 'm').test(code));
  return [
    'syntax = "proto3";',
    lines.find((line) => /^package /.test(line)) ?? `package page.b${index}.v1;`,
    ...imports,
    code,
    ...missing.map((name) => `message ${name} {}`),
  ].join('\n');
}
