import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { waitFor } from '../wait-for.ts';
import type { PodObject } from './cluster.ts';
import type { Load, LoadResult } from './load.ts';

/** GETs of one address by several callers, each with one connection; says on each line how far it is, and at the end of its stdin how it went. */
const script = `
const [url, callers, pauseMs] = process.argv.slice(1);
const http = require('node:http');
const beganMs = Date.now();
const failures = [];
let calls = 0, slowestMs = 0, stopped = false;
const once = (agent) => new Promise((resolve) => {
  const startMs = Date.now();
  let ended = false;
  const end = (failure) => {
    if (ended) return;
    ended = true;
    calls++;
    slowestMs = Math.max(slowestMs, Date.now() - startMs);
    if (failure) failures.push('at ' + ((startMs - beganMs) / 1000).toFixed(1) + ' s: ' + failure);
    resolve();
  };
  http.get(url, { agent, timeout: 15000 }, (response) => {
    let body = '';
    response.on('data', (data) => (body += data)).on('error', (e) => end(e.code || e.message));
    response.on('end', () => end(response.statusCode === 200 ? '' : response.statusCode + ' ' + body.slice(0, 200)));
  }).on('error', (e) => end(e.code || e.message)).on('timeout', function () { this.destroy(new Error('no answer in 15 s')); });
});
const caller = async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  while (!stopped) {
    await once(agent);
    await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
  }
};
const timer = setInterval(() => console.log(JSON.stringify({ calls })), 200);
process.stdin.resume().on('end', () => (stopped = true));
Promise.all(Array.from({ length: Number(callers) }, caller)).then(() => {
  clearInterval(timer);
  console.log(JSON.stringify({ calls, failures, slowestMs }));
  process.exit(0);
});
`;

/** Calls `url` by HTTP from a pod of the mesh until it is stopped, as `startLoad` does from outside. */
export function startLoadWithin(pod: PodObject, url: string, { callers = 8, pauseMs = 20 } = {}): Load {
  const { namespace, name } = pod.metadata;
  const node = ['node', '-e', script, '--', url, String(callers), String(pauseMs)];
  const child = spawn('kubectl', ['exec', '-i', '-n', namespace, name, '-c', 'app', '--', ...node], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const last: { calls: number; failures?: readonly string[]; slowestMs?: number } = { calls: 0 };
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => Object.assign(last, JSON.parse(line)));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  return {
    get calls() {
      return last.calls;
    },
    reached: (wanted) =>
      waitFor(`${wanted} calls`, () => last.calls >= wanted || child.exitCode !== null, {
        timeoutMs: 600_000,
        intervalMs: 100,
      }).then(() => {}),
    async stop(): Promise<LoadResult> {
      child.stdin.end();
      await ended;
      const { calls, failures = [`the load ended by itself: ${said}`], slowestMs = 0 } = last;
      return { calls, failures, slowestMs };
    },
  };
}
