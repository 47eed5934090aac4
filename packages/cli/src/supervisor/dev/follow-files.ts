import { type FSWatcher, watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileContents } from './file-contents.ts';
import { isIgnored, type WatchedPlace } from './watched-place.ts';

/** So long nothing more must happen before files are looked at: a save is several events, and may be several files. */
const quietMs = 40;
/** However much goes on, files are looked at after this time. */
const maxQuietMs = 1_000;
/** Everything is looked at again after this time: file systems of containers and networks tell of no changes. */
const rescanMs = 5_000;

/** Files that changed together. */
export interface Edit {
  /** Files that came, went or changed their content: absolute, sorted, at least one. */
  readonly paths: readonly string[];
  /** When the first of them was seen to change, in epoch milliseconds. */
  readonly savedAt: number;
}

/**
 * Tells `edited` of every change of content in `places`, which are asked for anew before each look, until `signal` is aborted. Resolves
 * when the files were looked at for the first time. In places that are asked for the first time, only what changed after the edit before
 * was handled is an edit. The next edit waits until `edited` has returned; it must not reject.
 *
 * The operating system only says when to look: what has changed is decided by content. So it does not matter how an editor saves, and
 * a missed event costs time, not a change.
 */
export async function followFiles(
  places: () => readonly WatchedPlace[],
  edited: (edit: Edit) => Promise<void> | void,
  signal: AbortSignal,
): Promise<void> {
  const contents = new FileContents();
  /** What was there before has been seen by whoever handled the edit before. */
  let since = Number.POSITIVE_INFINITY;
  const alarm = new Alarm();
  const look = async (): Promise<readonly string[]> => {
    const changed = new Set<string>();
    for (;;) {
      const found = await contents.look(places(), since);
      for (const path of found.changed) changed.add(path);
      // A file may have come into a new folder before the folder was watched.
      if (!alarm.watch(found.directories)) return [...changed].sort();
    }
  };
  await look();
  since = Date.now();
  void (async () => {
    while (!signal.aborted) {
      let savedAt = await alarm.next(signal);
      // Once more after an edit: it may have led to places that are not watched yet.
      for (let paths = await look(); paths.length > 0 && !signal.aborted; paths = await look()) {
        await edited({ paths, savedAt });
        since = Date.now();
        savedAt = since;
      }
    }
    alarm.close();
  })();
}

/** Watches folders, without what is below them, and rings when something in them happens. */
class Alarm {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  #rang: PromiseWithResolvers<void> = Promise.withResolvers();
  #firstAt: number | undefined;
  #lastAt = 0;

  /** Watches these folders (by path, with their inodes) and no others. Whether there is a new one among them. */
  watch(directories: ReadonlyMap<string, number>): boolean {
    for (const [directory, { inode }] of this.#watchers) {
      // A folder that was removed and made again is another one.
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
        // It is not there, or the system's watches are used up: the next rescan looks again.
      }
    }
    return grown;
  }

  /** Resolves with the time of the first event when there was one and it has been quiet since; or after a while without any. */
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
