import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { FieldPolicySchema, MethodPolicySchema, ServicePolicySchema } from '@weft/policy/weft/policy/v1/policy';
import type { ProtoFile } from './proto-files.ts';
import type { ProtoProblem } from './proto-problem.ts';
import { runTool } from './run-tool.ts';
import { buf } from './tools.ts';

/** A FileDescriptorSet with source positions, or what is wrong. */
export type Compiled = { readonly descriptorSet: Uint8Array } | { readonly problems: readonly ProtoProblem[] };

/**
 * Compiles .proto files with buf. Resolves imports from `own`, then from `imported`, and never from a registry. Takes about a quarter of a
 * second and leaves no files behind.
 */
export async function compileProtos(own: readonly ProtoFile[], imported: readonly ProtoFile[]): Promise<Compiled> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-contracts-'));
  try {
    const files = new Map(own.map((file) => [file.importPath, file]));
    const others = new Map(
      imported.filter((file) => !files.has(file.importPath)).map((file) => [file.importPath, file]),
    );
    await Promise.all([
      lay(files.values(), join(directory, 'proto')),
      lay(others.values(), join(directory, 'imports')),
    ]);
    const modules = [...(files.size > 0 ? ['proto'] : []), ...(others.size > 0 ? ['imports'] : [])];
    await writeFile(
      join(directory, 'buf.yaml'),
      JSON.stringify({ version: 'v2', modules: modules.map((path) => ({ path })) }),
    );
    const set = join(directory, 'contracts.binpb');
    const built = await runTool(buf(), ['build', '--as-file-descriptor-set', '-o', set], { cwd: directory });
    if (built.code === 0) return { descriptorSet: await readFile(set) };
    return { problems: problemsIn(built.stderr, new Map([...others, ...files])) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function lay(files: Iterable<ProtoFile>, directory: string): Promise<void> {
  for (const { importPath, path } of files) {
    const target = join(directory, importPath);
    await mkdir(dirname(target), { recursive: true });
    await cp(path, target);
  }
}

/** buf's lines, "proto/bakery/orders/v1/orders.proto:3:1:message", with the files that they are about. */
function problemsIn(said: string, files: ReadonlyMap<string, ProtoFile>): ProtoProblem[] {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return [{ file: 'buf', message: 'it failed without a message' }];
  return lines.map((text) => {
    const [, importPath = '', at, column, message = ''] =
      /^(?:proto|imports)\/(.+?\.proto):(?:(\d+):(\d+):)?\s*(.*)$/.exec(text) ?? [];
    const file = files.get(importPath);
    if (!file) return { file: 'buf', message: text.replace(/^Failure: /, '') };
    if (at === undefined) return { file: file.path, message };
    const line = Number(at);
    return {
      file: file.path,
      line,
      message: missingImport(file, line, message) ?? unknownField(file, line, Number(column), message) ?? message,
    };
  });
}

/** buf says that an import is missing, but not which. */
function missingImport(file: ProtoFile, line: number, message: string): string | undefined {
  if (message !== 'imported file does not exist') return undefined;
  const name = /"(.*)"/.exec(readFileSync(file.path, 'utf8').split('\n')[line - 1] ?? '')?.[1];
  if (name === undefined) return undefined;
  return `imports ${name}, which is neither in the project nor in an installed contract package; correct the path, or install the contract`;
}

/** buf says that an option has a field that its message has not, but not which. */
function unknownField(file: ProtoFile, line: number, column: number, message: string): string | undefined {
  const type = /^cannot resolve message field name for `(.*)`$/.exec(message)?.[1];
  if (type === undefined) return undefined;
  const text = readFileSync(file.path, 'utf8').split('\n')[line - 1] ?? '';
  const name = /^\w+/.exec(text.slice(column - 1))?.[0];
  if (name === undefined) return undefined;
  const known = [ServicePolicySchema, MethodPolicySchema, FieldPolicySchema].find(({ typeName }) => typeName === type);
  const names = known?.fields.map((field) => field.name) ?? [];
  const fields = names.length === 0 ? '' : ` The fields are ${names.join(', ')}`;
  return `${type} has no field ${name}${fields === '' ? '' : `.${didYouMean(name, names)}${fields}`}`;
}
