import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { CommandError } from '../command-error.ts';
import { runTool } from './run-tool.ts';
import { protocGenEs } from './tools.ts';

/** A generated file, by its path in its package. */
export interface MadeFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** The inputs of code generation. */
export interface CodeRequest {
  /** The files to generate code for. */
  readonly files: readonly FileDescriptorProto[];
  /** All files that they import, directly or indirectly, each after its own imports. */
  readonly closure: readonly FileDescriptorProto[];
  /** The npm package that has the code of an imported file, by import path; none: the code is beside it. */
  readonly packages: ReadonlyMap<string, string>;
  /** TypeScript for Node to run directly, or JavaScript with declarations for publishing. */
  readonly target: 'ts' | 'js+dts';
}

/** Generates the code of .proto files with protoc-gen-es: "bakery/orders/v1/orders.proto" gives "bakery/orders/v1/orders_pb.ts". */
export async function typescriptCode({ files, closure, packages, target }: CodeRequest): Promise<MadeFile[]> {
  const made = new Set(files.map(({ name }) => name));
  const elsewhere = closure.flatMap(({ name }) => {
    const owner = packages.get(name);
    return owner === undefined || made.has(name) ? [] : [`rewrite_imports=./${codePath(name)}.js:${owner}`];
  });
  const extension = target === 'ts' ? 'ts' : 'js';
  const parameter = [`target=${target}`, `import_extension=${extension}`, 'erasable_syntax=true', ...elsewhere].join(
    ',',
  );
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: [...made],
    protoFile: [...closure],
    sourceFileDescriptors: [...files],
    parameter,
  });
  const input = toBinary(CodeGeneratorRequestSchema, request);
  const { code, stdout, stderr } = await runTool(protocGenEs(), [], { input });
  if (code !== 0) throw new CommandError(`protoc-gen-es failed: ${stderr.trim() || 'it printed no message'}`);
  const response = fromBinary(CodeGeneratorResponseSchema, stdout);
  if (response.error !== '') throw new CommandError(`protoc-gen-es failed: ${response.error}`);
  return response.file.map(({ name, content }) => ({ path: name, content }));
}

/** Where the code of a .proto file is, without its extension. */
export function codePath(importPath: string): string {
  return importPath.replace(/\.proto$/, '_pb');
}

/** These files and everything that they import, each after its imports. */
export function closureOf(
  files: readonly FileDescriptorProto[],
  all: readonly FileDescriptorProto[],
): FileDescriptorProto[] {
  const byName = new Map(all.map((file) => [file.name, file]));
  const closure = new Map<string, FileDescriptorProto>();
  const add = (file: FileDescriptorProto): void => {
    if (closure.has(file.name)) return;
    for (const name of file.dependency) {
      const imported = byName.get(name);
      if (imported) add(imported);
    }
    closure.set(file.name, file);
  };
  files.forEach(add);
  return [...closure.values()];
}
