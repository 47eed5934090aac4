import { type BigIntStats, type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Graph, Source } from '@weft/collections';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import { MeshFiles } from '@weft/compiler/mesh-directory/mesh-files';
import { fileKind } from '@weft/compiler/mesh-directory/parse-directory';
import type { Problem } from '@weft/compiler/model/problem';
import type { LastGoodStore } from './last-good-store.ts';
import type { RunTurn } from './run-turn.ts';

export interface DirectoryOptions {
  readonly directory: string;
  /** Keeps last good forms over restarts; absent: they last as long as the process. */
  readonly store?: LastGoodStore;
  /** Everything is looked at again after this time, should the operating system have missed an event. Default: 10 s. */
  readonly rescanMs?: number;
}

export interface DirectorySource {
  /** What is in the directory. */
  readonly facts: FactCollections;
  /** Begins to watch. Resolves after the first turn; each batch of changes is another turn. */
  open(turn: RunTurn): Promise<void>;
  /** Stops watching, and waits until last good forms are on disk. */
  close(): Promise<void>;
}

const maxFileBytes = 32 * 1024 * 1024;
const maxDepth = 12;

/**
 * Watches a mesh directory and says what is in it, now and after every change.
 *
 * Changes that the operating system reports together are taken together; nothing waits for more of them. A file that is gone
 * takes what it said with it. A file or directory that is there but cannot be read does not: what it said last stays, and a
 * problem names it, so that a lost mount is not taken for an empty mesh.
 */
export function directorySource(graph: Graph, options: DirectoryOptions): DirectorySource {
  return new WatchedDirectory(graph, options);
}

class WatchedDirectory implements DirectorySource {
  readonly facts: FactCollections;
  readonly #options: DirectoryOptions;
  readonly #files: MeshFiles;
  readonly #watchers = new Map<string, { watcher: FSWatcher; inode: bigint }>();
  /** Modification marks of files as they were read last, by path. */
  readonly #marks = new Map<string, string>();
  /** Directories that cannot be read, by path, and storage problems. */
  readonly #problems = new Map<string, Problem>();
  readonly #toldProblems: Source<readonly Problem[]>;
  #turn: RunTurn | undefined;
  #dirty = new Set<string>();
  #working: Promise<void> | undefined;
  #saving: Promise<void> | undefined;
  #saveAgain = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(graph: Graph, options: DirectoryOptions) {
    this.#options = options;
    this.#files = new MeshFiles(graph);
    this.#toldProblems = graph.source('problems of directories');
    const { facts } = this.#files;
    this.facts = { ...facts, problems: graph.union('all problems', [facts.problems, this.#toldProblems]) };
  }

  async open(turn: RunTurn): Promise<void> {
    const remembered = await this.#options.store?.load();
    if (remembered) this.#files.restore(remembered);
    this.#turn = turn;
    this.#dirty.add('');
    await this.#work();
    this.#timer = setInterval(() => this.#touch(''), this.#options.rescanMs ?? 10_000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const path of [...this.#watchers.keys()]) this.#unwatch(path);
    await this.#working;
    while (this.#saving !== undefined) await this.#saving;
  }

  #touch(path: string): void {
    if (this.#closed) return;
    this.#dirty.add(path);
    this.#working ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#work())
      .finally(() => {
        this.#working = undefined;
        if (this.#dirty.size > 0) for (const left of this.#dirty) this.#touch(left);
      });
  }

  async #work(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#closed) {
      const dirty = this.#dirty;
      this.#dirty = new Set();
      if (dirty.delete('')) await this.#scan('', 0);
      await Promise.all([...dirty].map((path) => this.#look(path, path.split('/').length, true)));
    }
    if (!this.#closed) this.#emit();
  }

  /** Looks at one path: a file is read when it changed, a directory is scanned, what is gone is forgotten. */
  async #look(path: string, depth: number, reported: boolean): Promise<void> {
    if (path.split('/').some((part) => part.startsWith('.'))) return;
    const full = join(this.#options.directory, path);
    try {
      // A change is looked at at once: trips to other threads and back take longer than one file. Many files are not.
      const stats: BigIntStats | undefined = reported
        ? statSync(full, { bigint: true, throwIfNoEntry: false })
        : await stat(full, { bigint: true });
      if (stats === undefined) {
        this.#marks.delete(path);
        this.#forget(path);
        return;
      }
      if (stats.isDirectory()) {
        await this.#scan(path, depth);
        return;
      }
      if (!stats.isFile() || fileKind(path) === undefined) return;
      if (stats.size > maxFileBytes) {
        this.#files.fail(path, `takes ${stats.size} bytes; the most is ${maxFileBytes}`);
        return;
      }
      const mark = `${stats.mtimeNs} ${stats.ctimeNs} ${stats.size} ${stats.ino}`;
      // A write within the clock's grain leaves the mark as it was, so a reported file is read all the same.
      if (!reported && this.#marks.get(path) === mark) return;
      this.#files.put(path, reported ? readFileSync(full) : await readFile(full));
      this.#marks.set(path, mark);
    } catch (error) {
      this.#marks.delete(path);
      if (isGone(error)) this.#forget(path);
      else if (fileKind(path) !== undefined) this.#files.fail(path, `cannot be read (${codeOf(error)})`);
    }
  }

  async #scan(path: string, depth: number): Promise<void> {
    if (depth > maxDepth) return;
    const full = join(this.#options.directory, path);
    let names: string[];
    try {
      // Watch before reading: what comes after the read is then reported.
      this.#watch(path, full, (await stat(full, { bigint: true })).ino);
      names = await readdir(full);
      this.#problems.delete(path);
    } catch (error) {
      this.#unwatch(path);
      if (path !== '' && isGone(error)) {
        this.#forget(path);
        return;
      }
      const message = isGone(error) ? 'is not there' : `cannot be read (${codeOf(error)})`;
      this.#problems.set(path, {
        resource: path === '' ? 'the mesh directory' : path,
        message: `${message}; what was read of it before goes on serving`,
        advice: 'a directory that the control plane may read',
      });
      return;
    }
    const prefix = path === '' ? '' : `${path}/`;
    const present = new Set(names.map((name) => prefix + name));
    for (const known of [...this.#files.paths(), ...this.#watchers.keys()]) {
      if (!known.startsWith(prefix) || known === path) continue;
      const child = prefix + known.slice(prefix.length).split('/', 1)[0];
      if (!present.has(child)) this.#forget(child);
    }
    await Promise.all([...present].map((child) => this.#look(child, depth + 1, false)));
  }

  #forget(path: string): void {
    const inside = `${path}/`;
    for (const known of [...this.#files.paths()]) {
      if (known !== path && !known.startsWith(inside)) continue;
      this.#files.remove(known);
      this.#marks.delete(known);
    }
    for (const watched of [...this.#watchers.keys()]) {
      if (watched === path || watched.startsWith(inside)) this.#unwatch(watched);
    }
    for (const known of [...this.#problems.keys()]) {
      if (known !== '' && (known === path || known.startsWith(inside))) this.#problems.delete(known);
    }
  }

  #watch(path: string, full: string, inode: bigint): void {
    if (this.#watchers.get(path)?.inode === inode || this.#closed) return;
    // Another directory stands in its place, which the old watcher does not see.
    this.#unwatch(path);
    let watcher: FSWatcher;
    try {
      watcher = watch(full, (_event, name) => {
        this.#touch(name === null ? path : path === '' ? name : `${path}/${name}`);
      });
    } catch {
      // No watch to be had (a limit of the system): the rescan sees changes, only later.
      return;
    }
    // A watched directory that is moved away or a spent inotify limit ends here; the next rescan watches again.
    watcher.on('error', () => this.#unwatch(path));
    this.#watchers.set(path, { watcher, inode });
  }

  #unwatch(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  #emit(): void {
    const turn = this.#turn?.(() => {
      this.#files.tell();
      this.#toldProblems.replace([...this.#problems.values()].map((problem) => [problem.resource, [problem]]));
    });
    // After: whoever waits for a change does not wait for the disk.
    if (turn?.changedAnything) this.#save();
  }

  #save(): void {
    const { store } = this.#options;
    if (store === undefined) return;
    if (this.#saving !== undefined) {
      this.#saveAgain = true;
      return;
    }
    this.#saving = store
      .save(this.#files.lastGood())
      .then(
        () => this.#problems.delete('\0store'),
        (error: unknown) => {
          const message = `last good forms cannot be kept for a restart (${codeOf(error)})`;
          if (this.#problems.get('\0store')?.message === message) return;
          this.#problems.set('\0store', {
            resource: 'the state directory',
            message,
            advice: 'free space and the right to write',
          });
          if (!this.#closed) this.#emit();
        },
      )
      .then(() => {
        this.#saving = undefined;
        if (!this.#saveAgain) return;
        this.#saveAgain = false;
        this.#save();
      });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
