import type { Problem } from '@weft/compiler/model/problem';
import { segmentFormat } from './segment.ts';
import type { SetAside } from './set-aside.ts';

const place = { resource: 'the state directory', field: 'history' };

/** What a disk that does not take history is to its users. */
export function refusalProblem(error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
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
