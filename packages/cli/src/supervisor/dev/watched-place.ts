import { basename, isAbsolute, join, matchesGlob, relative, sep } from 'node:path';

/** A folder in which files are followed. */
export interface WatchedPlace {
  /** The same for a place that is meant again. */
  readonly key: string;
  /** Absolute. It need not exist. */
  readonly directory: string;
  /** How many folders below `directory` are looked into; Infinity: all. */
  readonly depth: number;
  /** Whether an absolute path below `directory` is followed. */
  readonly follows: (path: string) => boolean;
}

/** What tools write beside sources, and what no glob means: node_modules, __pycache__ and every name that begins with a dot. */
export function isIgnored(name: string): boolean {
  return name === 'node_modules' || name === '__pycache__' || name.startsWith('.') || isEditorsOwn(name);
}

/** Backups, swap files and files that are renamed over another when they are whole. */
function isEditorsOwn(name: string): boolean {
  return /(~|\.tmp|\.sw[a-z])$|^#.*#$/.test(name);
}

/** The places that the globs of one service mean, relative to its folder; "../shared/src/**" leads out of it. */
export function placesOf(directory: string, globs: readonly string[]): WatchedPlace[] {
  return globs.map((glob) => {
    const segments = glob.split('/');
    const magic = segments.findIndex((segment) => /[*?[{]/.test(segment));
    // The last segment is a file's name, magic or not.
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

/** All files of one name in the folders that are directly below `directory`: "services/" and "weft.yaml". */
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
