/** The codes of Node for an address at which nobody listens. */
const nobodyListens: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED']);

/** Whether an error, or one that caused it, says that nobody listens at the address that was called. */
export function isNobodyListening(error: unknown): boolean {
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if ('code' in at && nobodyListens.has(at.code)) return true;
  }
  return false;
}

/** Whether an error says that a disk, or the user's share of it, is full. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
