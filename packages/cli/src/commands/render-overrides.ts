import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type Override, OverrideState } from '@weft/api/weft/api/v1/mesh';
import { formatDuration } from '../terminal/duration.ts';
import type { Paint } from '../terminal/style.ts';

/** The overrides that have not expired. An expired one has no effect, but its file stays until somebody removes it. */
export function withoutEnded(overrides: readonly Override[]): readonly Override[] {
  return overrides.filter(({ state }) => state !== OverrideState.ENDED);
}

/** Formats overrides for the terminal, one per line: effect, end, reason and author; then what was rejected. */
export function overrideLines(overrides: readonly Override[], now: number, paint: Paint): string[] {
  return overrides.flatMap((override) => {
    const { namespace, name, service, methods, effects, refusals, reason, by } = override;
    const target =
      methods.length > 0 ? methods.map((path) => path.slice(1)).join(', ') : `all methods of ${namespace}/${service}`;
    const why = reason ? `; why: ${reason}` : '';
    const who = by ? ` (${by})` : '';
    const what = effects.length > 0 ? effects.join(', ') : 'nothing';
    const line = `${paint('bold', `${namespace}/${name}`)}: ${what} on ${target}; ${end(override, now, paint)}${why}${who}`;
    return [line, ...refusals.map((refusal) => `  ${paint('red', 'refused')} ${refusal}`)];
  });
}

function end({ state, expiresAt }: Override, now: number, paint: Paint): string {
  const at = expiresAt && timestampMs(expiresAt);
  const time = at === undefined ? '' : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  if (state === OverrideState.ENDED)
    return paint('dim', `ended ${at === undefined ? '' : `${formatDuration(now - at)} ago`}`.trim());
  if (state === OverrideState.REFUSED) return paint('red', 'has no effect');
  return at === undefined ? 'until it is removed' : `expires in ${formatDuration(at - now)}, at ${time}`;
}
