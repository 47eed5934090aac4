import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { GetStatusResponse } from '@weft/api/weft/api/v1/mesh';
import { proxySync } from '@weft/compiler/model/proxy-sync';
import { Command } from 'commander';
import { CommandError, noAnswer } from '../command-error.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { formatDuration } from '../terminal/duration.ts';
import { paintFor } from '../terminal/style.ts';
import { withMesh } from '../with-mesh.ts';
import { type Finding, renderFindings } from './finding.ts';
import { clusterOption, namespaceOption, stateOption } from './options.ts';
import { endurance, rootLine } from './render-root.ts';
import { strictFindings } from './strict.ts';

const soonMs = 30 * 24 * 3_600_000;

/** `weft check`: whether the mesh is healthy, and how long it stays healthy without its control plane. */
export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Checks proxies, problems, certificates and the root. Says how long calls keep working if the control plane is down, and how\n' +
        'far a root rotation has come. The exit code is 1 when a check fails. With --strict, checks one namespace only: who still\n' +
        'calls it in plain text and would be refused without `permissive`.',
    )
    .option('--strict <namespace>', 'check whether this namespace can refuse plain text, and which callers would break')
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (options: MeshChoice & { strict?: string }) => {
      const mesh = await withMesh(options, (chosen) => chosen.status()).catch((error: unknown) => {
        throw noAnswer(error);
      });
      const { strict } = options;
      const found = strict === undefined ? findings(mesh, Date.now()) : strictFindings(mesh, strict, Date.now());
      console.log(renderFindings(found, paintFor(process.stdout)));
      const failed = found.filter(({ ok }) => !ok).length;
      if (failed === 0) return;
      throw new CommandError(
        strict === undefined
          ? `Check failed: ${failed} of ${found.length} findings ${failed === 1 ? 'is' : 'are'} BAD.`
          : `Check failed: namespace ${strict} cannot switch to strict mTLS yet.`,
      );
    });
}

/** The findings of the check. `now` is in epoch milliseconds. */
export function findings(mesh: GetStatusResponse, now: number): readonly Finding[] {
  const found: Finding[] = [];
  const behind = mesh.workloads.filter(({ ready, proxy }) => ready && proxySync(proxy?.acknowledgements) !== 'in sync');
  found.push({
    ok: behind.length === 0,
    text:
      behind.length === 0
        ? `all ${mesh.workloads.filter(({ proxy }) => proxy).length} connected proxies have accepted their configuration`
        : `not in sync: ${behind.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}`,
  });
  const problems = mesh.problems.length;
  found.push({
    ok: problems === 0,
    text:
      problems === 0
        ? 'no problems'
        : `${problems} ${problems === 1 ? 'problem' : 'problems'}; \`weft status\` names ${problems === 1 ? 'it' : 'them'}`,
  });
  const { leftMs, proxy, leastMs } = endurance(mesh, now);
  found.push({
    ok: leftMs === undefined || leftMs > 0,
    text:
      leftMs === undefined
        ? 'no proxy is connected'
        : `without the control plane, calls keep working for ${formatDuration(leftMs)} (the certificate of ${proxy} expires first; ` +
          `at least ${formatDuration(leastMs)} at any time while it runs)`,
  });
  const { root, rootNotAfter } = mesh.controlPlane ?? {};
  if (root) found.push({ ok: true, text: rootLine(root, now) });
  if (rootNotAfter) {
    const left = timestampMs(rootNotAfter) - now;
    found.push({
      ok: left > soonMs || root?.external === true,
      text: `the root expires in ${formatDuration(left)}${left > soonMs ? '' : '; `weft rotate-root` replaces it'}`,
    });
  }
  return found;
}
