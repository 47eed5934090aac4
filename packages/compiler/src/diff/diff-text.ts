import type { MeshDiff } from './mesh-diff.ts';

/** A diff as people read it: for each caller and method a line, and under it one line for each change. "" when nothing changes. */
export function diffText(
  { calls, destinations }: MeshDiff,
  emphasize: (text: string) => string = (text) => text,
): string {
  const groups = [
    ...calls.map(({ callers, method, changes }) => ({
      title: `${callers.length === 0 ? '(nobody)' : callers.join(', ')} -> ${method}`,
      changes,
    })),
    ...destinations.map(({ name, changes }) => ({ title: `(every caller) -> ${name}`, changes })),
  ];
  return groups
    .map(({ title, changes }) => [emphasize(title), ...changes.map(({ text }) => `  ${text}`)].join('\n'))
    .join('\n');
}
