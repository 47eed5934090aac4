/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * The operations of RFC 6902 that turn one JSON value into another: field by field in objects, item by item in lists of one length,
 * lists of different lengths as a whole. None when the two are equal.
 */
export function jsonPatch(from: unknown, to: unknown, path = ''): PatchOperation[] {
  if (Object.is(from, to)) return [];
  if (isObject(from) && isObject(to)) return objectPatch(from, to, path);
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return to.flatMap((item, index) => jsonPatch(from[index], item, `${path}/${index}`));
  }
  return [{ op: 'replace', path, value: to }];
}

function objectPatch(from: JsonObject, to: JsonObject, path: string): PatchOperation[] {
  const operations: PatchOperation[] = [];
  for (const key of Object.keys(from)) {
    if (to[key] === undefined && from[key] !== undefined)
      operations.push({ op: 'remove', path: `${path}/${token(key)}` });
  }
  for (const [key, value] of Object.entries(to)) {
    if (value === undefined) continue;
    const at = `${path}/${token(key)}`;
    if (from[key] === undefined) operations.push({ op: 'add', path: at, value });
    else operations.push(...jsonPatch(from[key], value, at));
  }
  return operations;
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key as a reference token of RFC 6901. */
function token(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
