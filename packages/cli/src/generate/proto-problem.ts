import { isAbsolute, relative } from 'node:path';

/** Something wrong in a .proto file. */
export interface ProtoProblem {
  /** Absolute; "buf" where buf named no file. */
  readonly file: string;
  /** From 1; none: it is about the whole file. */
  readonly line?: number;
  readonly message: string;
}

/** A problem as people read it, and as editors jump to it: "proto/shop/orders/v1/orders.proto:12: ...", from a root. */
export function problemLine({ file, line, message }: ProtoProblem, root: string): string {
  const place = isAbsolute(file) ? relative(root, file) : file;
  return `${place}${line === undefined ? '' : `:${line}`}: ${message}`;
}
