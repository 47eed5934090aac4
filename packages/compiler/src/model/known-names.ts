import type { LogicalName } from './names.ts';

/** The names that contracts and resources may give to callers and callees, as the mesh knows them now. */
export interface KnownNames {
  /** Whether somebody has this name: a contract's logical name, a gateway, or a Service by "namespace/name". */
  has(name: LogicalName): boolean;
  /** A sentence without its period, with the logical name that may have been meant by `name`, if one is near. */
  suggest(sentence: string, name: LogicalName): string;
}
