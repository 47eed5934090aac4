/** Why the control plane could not start, and what to do about it, in one line. */
export function startupMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const path = 'path' in error ? String(error.path) : '';
  const address = 'address' in error ? String(error.address) : path;
  const port = 'port' in error ? `:${error.port}` : '';
  switch (code) {
    case 'EADDRINUSE':
      return `${address}${port} is taken by another process: end that one, or choose another with --xds or --api`;
    case 'EADDRNOTAVAIL':
      return `${address}${port} is no address of this machine: choose another with --xds`;
    case 'EACCES':
    case 'EPERM':
      return `${path || address + port} may not be used by this user: change its owner or mode, or choose another`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `there is no space left on the disk of ${path || 'the state directory'}: free some, then start again`;
    case 'EROFS':
      return `${path} is on a read-only disk: choose another with --state`;
    case 'EEXIST':
    case 'ENOTDIR':
      return `${path} is not a directory: choose another with --state`;
    default:
      return error.message;
  }
}
