import { basename, isAbsolute, join, matchesGlob, relative, sep } from 'node:path';

/** A folder in which files are followed. */
export interface WatchedPlace {
  /** Identifies the place across scans. */
  readonly key: string;
  /** Absolute. It need not exist. */
  readonly directory: string;
  /** How many levels of folders below `directory` are scanned; Infinity: all. */
  readonly depth: number;
  /** Whether an absolute path below `directory` is followed. */
  readonly follows: (path: string) => boolean;
}

/** What tools write beside sources, and no glob matches: node_modules, __pycache__ and every name that starts with a dot. */
export function isIgnored(name: string): boolean {
  return name === 'node_modules' || name === '__pycache__' || name.startsWith('.') || isEditorsOwn(name);
}

/** Backups, swap files, and temporary files that replace another file when complete. */
function isEditorsOwn(name: string): boolean {
  return /(~|\.tmp|\.sw[a-z])$|^#.*#$/.test(name);
}

/** The places that the globs of one service match, relative to its folder; "../shared/src/**" is outside it. */
export function placesOf(directory: string, globs: readonly string[]): WatchedPlace[] {
  return globs.map((glob) => {
    const segments = glob.split('/');
    const magic = segments.findIndex((segment) => /[*?[{]/.test(segment));
    // The last segment is a file name, with or without wildcards.
    const fixed = magic === -1 ? segments.slice(0, -1) : segments.slice(0, Math.min(magic, segments.length - 1));
    const rest = segments.slice(fixed.length);
    const place = join(directory, ...fixed);
    const pattern = rest.join('/');
    return {
      key: `${directory} ${glob}`,
      directory: place,
      depth: rest.includes('**') ? Number.POSITIVE_INFINITY : rest.length - 1,
      follows: (path) => {
        const inside = relative(place, path);
        if (inside.startsWith('..') || isAbsolute(inside)) return false;
        if (inside.split(sep).some(isIgnored)) return false;
        return matchesGlob(inside.split(sep).join('/'), pattern);
      },
    };
  });
}

/** All files of one name in the folders directly below `directory`: "services/" and "weft.yaml". */
export function childrenNamed(directory: string, name: string): WatchedPlace {
  return { key: `${directory} ${name}`, directory, depth: 1, follows: (path) => basename(path) === name };
}

/** All files below `directory` whose names end with `ending`: ".proto". */
export function filesEnding(directory: string, ending: string): WatchedPlace {
  return {
    key: `${directory} ${ending}`,
    directory,
    depth: Number.POSITIVE_INFINITY,
    follows: (path) => path.endsWith(ending),
  };
}
