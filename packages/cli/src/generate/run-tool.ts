import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import type { Tool } from './tools.ts';

/** How a tool has ended. */
export interface ToolResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a tool to its end, with `input` at its stdin. Rejects only when it cannot be started. */
export async function runTool(
  tool: Tool,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: Uint8Array } = {},
): Promise<ToolResult> {
  const child = spawn(process.execPath, [tool.script, ...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // One that ends before it has read everything says why on stderr.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, buffer(child.stdout), buffer(child.stderr)]);
  return { code, stdout, stderr: stderr.toString() };
}
