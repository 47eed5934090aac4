import { isAbsolute, relative } from 'node:path';

/** Something wrong in a .proto file. */
export interface ProtoProblem {
  /** Absolute; "buf" where buf named no file. */
  readonly file: string;
  /** From 1; none: it is about the whole file. */
  readonly line?: number;
  /** The element that it is about: "bakery.orders.v1.OrderService/PlaceOrder". */
  readonly field?: string;
  readonly message: string;
}

/** Where a problem is, from a root: "proto/bakery/orders/v1/orders.proto:12". */
export function problemPlace({ file, line }: ProtoProblem, root: string): string {
  const place = isAbsolute(file) ? relative(root, file) : file;
  return line === undefined ? place : `${place}:${line}`;
}

/** A problem as people read it, and as editors jump to it. */
export function problemLine(problem: ProtoProblem, root: string): string {
  const place = problemPlace(problem, root);
  return `${place}:${problem.field === undefined ? '' : ` ${problem.field}:`} ${problem.message}`;
}
