import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/** The Kubernetes API at a port of 127.0.0.1, for what would take kubectl a process for each object. */
export interface ApiProxy {
  /** "http://127.0.0.1:8001". */
  readonly address: string;
  /** Sends an object, and resolves with the server's answer; rejects with the server's words. */
  send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<unknown>;
  /** Calls back whenever one of the objects at a path changes, and once for each that there is; ends with `close`. */
  watch(path: string, onChange: () => void): Promise<void>;
  close(): void;
}

/** Starts `kubectl proxy`. */
export async function startApiProxy(): Promise<ApiProxy> {
  const child = spawn('kubectl', ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.on('error', reject).on('close', () => reject(new Error('kubectl proxy has ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /serve on (\S+)/.exec(line)?.[1];
      if (found) resolve(`http://${found}`);
    });
  });
  return apiAt(address, () => child.kill());
}

/** An API server that needs no credentials at an address, such as a proxy's; `close` ends what is there. */
export function apiAt(address: string, close: () => void): ApiProxy {
  const closed = new AbortController();
  return {
    address,
    async send(method, path, body) {
      const response = await fetch(`${address}${path}`, {
        method,
        headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
      return JSON.parse(text);
    },
    async watch(path, onChange) {
      const { body } = await fetch(`${address}${path}?watch=1`, { signal: closed.signal });
      if (!body) throw new Error(`GET ${path}?watch=1 has no body`);
      const lines = createInterface({ input: Readable.fromWeb(body) }).on('line', onChange);
      lines.on('error', () => {});
    },
    close: () => {
      closed.abort();
      close();
    },
  };
}

/** Does `work` for each of 0 to `count` - 1, `width` at once. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
