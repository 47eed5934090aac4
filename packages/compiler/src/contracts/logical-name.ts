import type { LogicalName } from '../model/mesh.ts';

/** A proto package without its version: "bakery.orders" of "bakery.orders.v1". */
export function logicalNameOf(protoPackage: string): LogicalName {
  return protoPackage.replace(/\.v[1-9][0-9]*((alpha|beta)[0-9]*)?$/, '');
}

/** Whether a text can be a logical name: lower-case package parts, no version at the end. */
export function isLogicalName(text: string): boolean {
  return /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/.test(text) && logicalNameOf(text) === text;
}

/** Whether a name is that of a package which comes with tools and is nobody's service: health, reflection, our own. */
export function isToolPackage(name: LogicalName): boolean {
  return /^(weft|google|buf|grpc|envoy)(\.|$)/.test(name);
}
