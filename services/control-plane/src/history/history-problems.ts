import type { Problem } from '@weft/compiler/model/problem';
import type { UnreadableSegment } from './history-store.ts';
import { segmentFormat } from './segment.ts';
import type { SetAside } from './set-aside.ts';

const place = { resource: 'the state directory', field: 'history' };

/** What a disk that does not take history is to its users. */
export function refusalProblem(error: unknown): Problem {
  const code = codeOf(error);
  const message = `history cannot be kept (${code}); the mesh is served without it`;
  return { ...place, message, advice: code === 'ENOSPC' ? 'free space' : 'free space and the right to write' };
}

/** What history in another version's format is to its users. */
export function asideProblem({ directory, formats }: SetAside): Problem {
  return {
    ...place,
    message: `another version of the control plane has kept history in format ${formats.join(', ')}, and this one knows format ${segmentFormat}; it lies untouched in history/${directory}`,
    advice: 'that version, with its segments and objects back in history/, reads it again',
  };
}

/** What segments that cannot be read are to a mesh's users. */
export function unreadableProblem(segments: readonly UnreadableSegment[]): Problem {
  const names = segments.map(({ name, error }) => `history/segments/${name} (${codeOf(error)})`);
  const message = `history does without ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
  return { ...place, message, advice: 'the right to read them, or their removal, and a restart of the control plane' };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
