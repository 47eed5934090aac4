import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isIgnored, type WatchedPlace } from './watched-place.ts';

/** A file that changes this soon after it was read may have the same times and size as before. */
const sameMomentMs = 100;
/** The clock of a file system may be this far behind. */
const coarseClockMs = 20;

interface KnownFile {
  /** Its metadata. New content changes the mark, unless both changes happen in the same moment. */
  readonly mark: string;
  readonly hash: string;
  /** When it was changed last, in epoch milliseconds. */
  readonly changedAt: number;
  /** Whether it was read so soon after its change that the mark proves nothing. */
  readonly fresh: boolean;
}

/** The result of one scan. */
export interface Look {
  /** Files that were added, removed or changed since the last scan, absolute and sorted. */
  readonly changed: readonly string[];
  /** Every scanned folder with its inode; for a missing folder, the nearest existing folder above it. */
  readonly directories: ReadonlyMap<string, number>;
}

/**
 * Tracks the content of files by hash, so that a touch, a save without a change and a rename of a file over itself do not count as changes.
 */
export class FileContents {
  #known = new Map<string, KnownFile>();
  #places: ReadonlySet<string> = new Set();

  /**
   * Reads files that are new or may have changed since the last scan. In a new place, a file counts as changed if it was modified after
   * `since` (epoch milliseconds). Never rejects: an unreadable file counts as missing.
   */
  async look(places: readonly WatchedPlace[], since: number): Promise<Look> {
    const directories = new Map<string, number>();
    const found = new Map<string, KnownFile>();
    for (const place of places) {
      const present = new Set(found.keys());
      await this.#walk(place, place.directory, 0, directories, found);
      if (this.#places.has(place.key)) continue;
      for (const [path, file] of found) {
        const isOld = file.changedAt < since - coarseClockMs;
        if (isOld && !present.has(path) && !this.#known.has(path)) this.#known.set(path, file);
      }
    }
    this.#places = new Set(places.map(({ key }) => key));
    const paths = new Set([...this.#known.keys(), ...found.keys()]);
    const changed = [...paths].filter((path) => this.#known.get(path)?.hash !== found.get(path)?.hash).sort();
    this.#known = found;
    return { changed, directories };
  }

  async #walk(
    place: WatchedPlace,
    directory: string,
    depth: number,
    directories: Map<string, number>,
    found: Map<string, KnownFile>,
  ): Promise<void> {
    const [inode, entries] = await Promise.all([
      stat(directory).then(
        ({ ino }) => ino,
        () => undefined,
      ),
      readdir(directory, { withFileTypes: true }).catch((): Dirent[] => []),
    ]);
    if (inode === undefined) {
      await nearestAbove(directory, directories);
      return;
    }
    directories.set(directory, inode);
    for (const entry of entries) {
      if (isIgnored(entry.name)) continue;
      const path = join(directory, entry.name);
      // A link to a folder may form a cycle; a link to a file is read as the file.
      if (entry.isDirectory()) {
        if (depth < place.depth) await this.#walk(place, path, depth + 1, directories, found);
      } else if (place.follows(path) && !found.has(path)) {
        const file = await this.#read(path);
        if (file) found.set(path, file);
      }
    }
  }

  async #read(path: string): Promise<KnownFile | undefined> {
    try {
      const at = Date.now();
      const { mtimeMs, ctimeMs, size, ino } = await stat(path);
      const mark = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      const known = this.#known.get(path);
      if (known && !known.fresh && known.mark === mark) return known;
      const hash = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      const changedAt = Math.max(mtimeMs, ctimeMs);
      return { mark, hash, changedAt, fresh: at - changedAt < sameMomentMs };
    } catch {
      return undefined;
    }
  }
}

async function nearestAbove(directory: string, directories: Map<string, number>): Promise<void> {
  const above = dirname(directory);
  const found = await stat(above).catch(() => undefined);
  if (found) directories.set(above, found.ino);
  else if (above !== directory) await nearestAbove(above, directories);
}
