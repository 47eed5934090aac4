import { problemWords } from '@weft/compiler/model/problem';
import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import type { OverrideManifest } from './override-file.ts';

/** The flag that each field of a MeshOverride comes from. */
const flags: Readonly<Record<string, string>> = {
  deny: '--deny',
  allow: '--allow',
  noRetry: '--no-retry',
  deadline: '--deadline',
  rateLimits: '--limit',
  reason: '--why',
  expires: '--for',
};

/** What the control plane would reject in an override, by the flag that sets it: `--deadline is "0s"; expected: a duration from ...`. */
export async function flagProblems({ namespace, name, spec }: OverrideManifest): Promise<readonly string[]> {
  const { readResource } = await import('@weft/compiler/mesh-policy/read-resource');
  const metadata = { namespace, name };
  const { problems } = readResource({ apiVersion: weftApiVersion, kind: 'MeshOverride', metadata, spec, origin: name });
  return problems.map(({ field = '', message, advice }) => {
    const [, top = ''] = /^spec\.(\w+)/.exec(field) ?? [];
    return `${flags[top] ?? field} ${problemWords({ message, ...(advice === undefined ? {} : { advice }) })}`;
  });
}
