import { type FSWatcher, watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileContents } from './file-contents.ts';
import { isIgnored, type WatchedPlace } from './watched-place.ts';

/** Files are scanned after this much quiet, because a save is several events and may be several files. */
const quietMs = 40;
/** Files are scanned after this time even if events continue. */
const maxQuietMs = 1_000;
/** Everything is scanned again after this time, because container and network file systems report no changes. */
const rescanMs = 5_000;

/** Files that changed together. */
export interface Edit {
  /** Files that were added, removed or changed: absolute, sorted, at least one. */
  readonly paths: readonly string[];
  /** When the first of them was seen to change, in epoch milliseconds. */
  readonly savedAt: number;
}

/**
 * Calls `edited` for every change of content in `places`, until `signal` is aborted. `places` is evaluated again before each scan. Resolves
 * after the first scan. In a new place, only changes made after the previous edit was handled count. The next edit waits until `edited` has
 * returned; it must not reject.
 *
 * Events of the operating system only trigger a scan; the content decides what has changed. So it does not matter how an editor saves, and
 * a missed event delays a change but never loses it.
 */
export async function followFiles(
  places: () => readonly WatchedPlace[],
  edited: (edit: Edit) => Promise<void> | void,
  signal: AbortSignal,
): Promise<void> {
  const contents = new FileContents();
  /** Anything older was already seen when the previous edit was handled. */
  let since = Number.POSITIVE_INFINITY;
  const alarm = new Alarm();
  const look = async (): Promise<readonly string[]> => {
    const changed = new Set<string>();
    for (;;) {
      const found = await contents.look(places(), since);
      for (const path of found.changed) changed.add(path);
      // A file may have been added to a new folder before the folder was watched.
      if (!alarm.watch(found.directories)) return [...changed].sort();
    }
  };
  await look();
  since = Date.now();
  void (async () => {
    while (!signal.aborted) {
      let savedAt = await alarm.next(signal);
      // Scan again after an edit: it may have added places that are not watched yet.
      for (let paths = await look(); paths.length > 0 && !signal.aborted; paths = await look()) {
        await edited({ paths, savedAt });
        since = Date.now();
        savedAt = since;
      }
    }
    alarm.close();
  })();
}

/** Watches folders, not recursively, and signals when something in them changes. */
class Alarm {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  #rang: PromiseWithResolvers<void> = Promise.withResolvers();
  #firstAt: number | undefined;
  #lastAt = 0;

  /** Watches exactly these folders (by path, with their inodes). Returns whether one of them is new. */
  watch(directories: ReadonlyMap<string, number>): boolean {
    for (const [directory, { inode }] of this.#watchers) {
      // A folder that was removed and created again is a different folder.
      if (directories.get(directory) !== inode) this.#unwatch(directory);
    }
    let grown = false;
    for (const [directory, inode] of directories) {
      if (this.#watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, (_, name) => {
          if (name === null || !isIgnored(name)) this.#ring();
        });
        watcher.on('error', () => {
          this.#unwatch(directory);
          this.#ring();
        });
        this.#watchers.set(directory, { watcher, inode });
        grown = true;
      } catch {
        // It does not exist, or the system is out of watches; the next rescan tries again.
      }
    }
    return grown;
  }

  /** Resolves with the time of the first event once it has been quiet since; or after a while without any event. */
  async next(signal: AbortSignal): Promise<number> {
    const rescan = new AbortController();
    await Promise.race([
      this.#rang.promise,
      sleep(rescanMs, undefined, { signal: AbortSignal.any([signal, rescan.signal]) }).catch(() => undefined),
    ]);
    rescan.abort();
    const firstAt = this.#firstAt ?? Date.now();
    while (Date.now() - this.#lastAt < quietMs && Date.now() - firstAt < maxQuietMs) await sleep(quietMs / 4);
    this.#firstAt = undefined;
    this.#rang = Promise.withResolvers();
    return firstAt;
  }

  close(): void {
    for (const directory of this.#watchers.keys()) this.#unwatch(directory);
  }

  #unwatch(directory: string): void {
    this.#watchers.get(directory)?.watcher.close();
    this.#watchers.delete(directory);
  }

  #ring(): void {
    this.#lastAt = Date.now();
    this.#firstAt ??= this.#lastAt;
    this.#rang.resolve();
  }
}
