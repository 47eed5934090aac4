import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The Kubernetes API at a port of 127.0.0.1, for what would take kubectl a process for each object. */
export interface ApiProxy {
  /** Sends an object; rejects with the server's words. */
  send(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void>;
  close(): void;
}

/** Starts `kubectl proxy`. */
export async function startApiProxy(): Promise<ApiProxy> {
  const child = spawn('kubectl', ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.on('error', reject).on('close', () => reject(new Error('kubectl proxy has ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /serve on (\S+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  return {
    async send(method, path, body) {
      const response = await fetch(`http://${address}${path}`, {
        method,
        headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    },
    close: () => void child.kill(),
  };
}

/** Does `work` for each of 0 to `count` - 1, `width` at once. */
export async function inParallel(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
