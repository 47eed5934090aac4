import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';

// Field numbers of google/protobuf/descriptor.proto, of which SourceCodeInfo's paths are made.
const servicesOfFile = 6;
const methodsOfService = 2;

// That of services; methods have another.
const optionsOfService = 3;
const optionsOfMethod = 4;

/**
 * Where an element, or this option of it, stands in its .proto file: "bakery/orders/v1/orders.proto:12", without the line when the set
 * has no source info.
 */
export function sourceLine(element: Complaint['element'], option?: Complaint['option']): string {
  const line = optionLine(element, option) ?? lineOf(element);
  return line === undefined ? sourceFile(element) : `${sourceFile(element)}:${line}`;
}

/** The line of an element in its file, from 1; undefined for a file, and when the set has no source info. */
export function lineOf(element: Complaint['element']): number | undefined {
  const line = element.kind === 'file' ? undefined : locationOf(element)?.span[0];
  return line === undefined ? undefined : line + 1;
}

/** The line of an option, or of what lists its values; undefined when the compiler recorded none. */
function optionLine(element: Complaint['element'], option: Complaint['option']): number | undefined {
  if (option === undefined || (element.kind !== 'service' && element.kind !== 'rpc')) return undefined;
  const own = element.kind === 'service' ? optionsOfService : optionsOfMethod;
  const wanted = [...sourcePath(element), own, ...option].join('.');
  const found = fileOf(element).sourceCodeInfo?.location.find(({ path }) =>
    `${path.join('.')}.`.startsWith(`${wanted}.`),
  );
  const line = found?.span[0];
  return line === undefined ? undefined : line + 1;
}

/** The file of an element, as others import it. */
export function sourceFile(element: Complaint['element']): string {
  return fileOf(element).name;
}

/** The place of an element in its file, as google.protobuf.SourceCodeInfo counts; empty for the file itself. */
export function sourcePath(element: Complaint['element']): number[] {
  switch (element.kind) {
    case 'file':
      return [];
    case 'part':
      return [...element.path];
    case 'service':
      return [servicesOfFile, element.file.services.indexOf(element)];
    case 'rpc':
      return [...sourcePath(element.parent), methodsOfService, element.parent.methods.indexOf(element)];
  }
}

/** Whether the comment before an element says `buf:lint:ignore RULE`, as buf itself understands it. */
export function isIgnored(element: Complaint['element'], rule: string): boolean {
  const lines = (locationOf(element)?.leadingComments ?? '').split('\n');
  return lines.some((line) => line.trim().split(/\s+/, 2).join(' ') === `buf:lint:ignore ${rule}`);
}

function locationOf(element: Complaint['element']) {
  const wanted = sourcePath(element).join('.');
  return fileOf(element).sourceCodeInfo?.location.find((candidate) => candidate.path.join('.') === wanted);
}

function fileOf(element: Complaint['element']): FileDescriptorProto {
  switch (element.kind) {
    case 'file':
      return element.proto;
    case 'service':
      return element.file.proto;
    case 'rpc':
      return element.parent.file.proto;
    case 'part':
      return element.file;
  }
}
