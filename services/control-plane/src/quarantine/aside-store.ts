import { z } from 'zod';
import { readIfThere, replaceFile } from '../state/replace-file.ts';
import type { Aside } from './aside.ts';

/** Keeps what is set aside over a restart. */
export interface AsideStore {
  /** What was kept; nothing when it cannot be read: proxies then refuse it anew. */
  load(): Promise<readonly Aside[]>;
  /** Keeps these in place of what was kept before, soon. */
  save(all: readonly Aside[]): void;
  /** Resolves when all is on disk, or cannot be. */
  close(): Promise<void>;
}

/** The most that is kept of last good forms, in bytes of the file. Without its form a contribution is left out after a restart. */
const maxStoredBytes = 32 << 20;

const bytes = z.string().transform((text): Uint8Array => Buffer.from(text, 'base64'));
const source = z.object({
  resource: z.string(),
  about: z.array(z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() })),
  version: z.string(),
});
const contribution = z.object({
  key: z.string(),
  version: z.string(),
  sources: z.array(source),
  said: z.union([
    z.object({ gateway: z.object({ hostnames: z.array(z.string()), calls: bytes, rest: bytes }) }),
    z.object({ host: bytes }),
  ]),
});
const stored = z.object({
  format: z.literal(1),
  aside: z.array(
    z
      .object({
        scope: z.string(),
        key: z.string(),
        version: z.string(),
        sources: z.array(source),
        reason: z.string(),
        instead: contribution.optional(),
      })
      .transform(({ instead, ...rest }): Aside => ({ ...rest, ...(instead ? { instead } : {}) })),
  ),
});

/** Keeps it in a file. A disk that refuses costs no more than a search after the next restart. */
export function asideFile(path: string): AsideStore {
  let wanted: readonly Aside[] | undefined;
  let writing: Promise<void> | undefined;
  const write = async () => {
    for (let now = wanted; now !== undefined; now = wanted) {
      wanted = undefined;
      await replaceFile(path, textOf(now), 0o600).catch(() => undefined);
    }
    writing = undefined;
  };
  return {
    async load() {
      try {
        const text = await readIfThere(path);
        return text === undefined ? [] : stored.parse(JSON.parse(text)).aside;
      } catch {
        return [];
      }
    },
    save(all) {
      wanted = all;
      writing ??= write();
    },
    close: async () => writing,
  };
}

function textOf(all: readonly Aside[]): string {
  let left = maxStoredBytes;
  const entries = all.map(({ instead, ...rest }) => {
    const form = instead && JSON.stringify({ instead }, asText);
    left -= form?.length ?? 0;
    return form === undefined || left < 0 ? rest : { ...rest, instead };
  });
  return JSON.stringify({ format: 1, aside: entries }, asText);
}

/** Bytes as base64. */
function asText(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has a toJSON of its own, so that `value` is no longer what it was.
  const given: unknown = typeof this === 'object' && this !== null ? Reflect.get(this, key) : value;
  return given instanceof Uint8Array ? Buffer.from(given).toString('base64') : value;
}
