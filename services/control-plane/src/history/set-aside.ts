import { link, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** What of a history was put where it is neither read nor forgotten. */
export interface SetAside {
  /** Below the history's directory. */
  readonly directory: string;
  /** The formats that its segments say they have. */
  readonly formats: readonly string[];
}

/**
 * Puts segments of another format aside, each under its own name, with all contracts that are there, since any of them may be
 * theirs. Those are linked, not moved: what is left needs them too. May be interrupted and done again. Rejects when the disk does.
 */
export async function setAside(
  directory: string,
  segments: readonly { readonly name: string; readonly format: string }[],
): Promise<SetAside> {
  const formats = [...new Set(segments.map(({ format }) => format))].sort();
  const aside = join('set-aside', `format-${formats.join('-').replace(/[^A-Za-z0-9-]/g, '_')}`);
  for (const folder of ['segments', 'objects'])
    await mkdir(join(directory, aside, folder), { recursive: true, mode: 0o700 });
  for (const name of await readdir(join(directory, 'objects'))) {
    await link(join(directory, 'objects', name), join(directory, aside, 'objects', name)).catch(unlessThere);
  }
  for (const { name } of segments) {
    await rename(join(directory, 'segments', name), join(directory, aside, 'segments', name));
  }
  return { directory: aside, formats };
}

function unlessThere(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
}
