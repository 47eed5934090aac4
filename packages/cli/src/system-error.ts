/** Node's error codes for an address without a listener. */
const nobodyListens: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED']);

/** Whether an error, or one of its causes, says that no process listens at the address. */
export function isNobodyListening(error: unknown): boolean {
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if ('code' in at && nobodyListens.has(at.code)) return true;
  }
  return false;
}

/** Whether an error says that a disk or the user's quota is full. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
