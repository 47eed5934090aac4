import { templateShape } from '../model/http-template.ts';
import { admission, type Method } from '../model/method.ts';
import { hedgeWords, limitWords, retryWords, timeWords } from '../model/policy-words.ts';
import { limitFor } from '../model/rate-limit.ts';
import { effectiveRetry } from '../model/retry.ts';
import type { Change, ChangeKind } from './mesh-diff.ts';

const edge = 'edge';

/** A caller that may call after and could not before. */
export function addedTo(caller: string, before: Method | undefined, after: Method): Change[] {
  const kind = before === undefined ? 'method added' : 'allowed';
  const what = before === undefined ? 'added' : caller === edge ? 'exposed' : 'allowed';
  const added: Change = { kind, text: `${what}: ${terms(caller, after)}` };
  return caller === edge ? [added, ...restChanges(undefined, after)] : [added];
}

/** A caller that could call before and may not after. */
export function removedFrom(caller: string, before: Method, after: Method | undefined): Change[] {
  const rest = caller === edge ? restChanges(before, undefined) : [];
  if (after === undefined) return [{ kind: 'method removed', text: 'removed: UNIMPLEMENTED from now on' }, ...rest];
  if (caller === edge) return [{ kind: 'denied', text: 'no longer exposed: UNIMPLEMENTED from now on' }, ...rest];
  const why = after.callers.has(caller) ? 'its service account is no longer its own' : admission(after, caller);
  return [{ kind: 'denied', text: `denied: ${why}` }];
}

/** What a call promises, in short. */
function terms(caller: string, method: Method): string {
  const { deadlineMs, maxDurationMs, idleTimeoutMs } = method;
  const retry = effectiveRetry(method);
  const limit = limitFor(caller, method.rateLimits);
  return [
    deadlineMs === undefined ? '' : `within ${timeWords(deadlineMs)}`,
    maxDurationMs === undefined ? '' : `for at most ${timeWords(maxDurationMs)}`,
    idleTimeoutMs === undefined ? '' : `idle for at most ${timeWords(idleTimeoutMs)}`,
    retry ? `retries ${retryWords(retry)}` : 'no retries',
    limit ? `at most ${limitWords(limit)} per replica` : '',
  ]
    .filter((term) => term !== '')
    .join(', ');
}

/** What changes for a caller that may call before and after. */
export function changedFor(caller: string, before: Method, after: Method): Change[] {
  const changes: Change[] = [];
  const compare = (kind: ChangeKind, was: string | undefined, is: string | undefined, none = 'none') => {
    if (was === is) return;
    const [from, to] = [was ?? none, is ?? none];
    changes.push({ kind, before: from, after: to, text: `${kind}: ${from} -> ${to}` });
  };
  const time = (ms: number | undefined) => (ms === undefined ? undefined : timeWords(ms));
  compare('deadline', time(before.deadlineMs), time(after.deadlineMs));
  compare('try timeout', time(before.tryTimeoutMs), time(after.tryTimeoutMs), 'the deadline');
  compare('max duration', time(before.maxDurationMs), time(after.maxDurationMs), 'no limit');
  compare('idle timeout', time(before.idleTimeoutMs), time(after.idleTimeoutMs));
  changes.push(...retryChange(before, after));
  compare('hedge', before.hedge && hedgeWords(before.hedge), after.hedge && hedgeWords(after.hedge));
  const [oldLimit, newLimit] = [limitFor(caller, before.rateLimits), limitFor(caller, after.rateLimits)];
  compare('rate limit', oldLimit && limitWords(oldLimit), newLimit && limitWords(newLimit));
  compare('shadow', shadowWords(caller, before), shadowWords(caller, after));
  compare('objective', objectiveWords(before), objectiveWords(after));
  compare('faults', faultWords(before), faultWords(after));
  compare('mirror', before.mirror, after.mirror);
  compare('may be repeated', safetyWords(before), safetyWords(after));
  if (caller === edge) changes.push(...restChanges(before, after));
  return changes;
}

function retryChange(before: Method, after: Method): Change[] {
  const [was, is] = [effectiveRetry(before), effectiveRetry(after)];
  const [from, to] = [was ? retryWords(was) : 'none', is ? retryWords(is) : 'none'];
  if (from === to) return [];
  if (!was) return [{ kind: 'retry begins', before: from, after: to, text: `retries begin: ${to}` }];
  if (!is) return [{ kind: 'retry ends', before: from, after: to, text: `retries end (were ${from})` }];
  return [{ kind: 'retry', before: from, after: to, text: `retry: ${from} -> ${to}` }];
}

function restChanges(before: Method | undefined, after: Method | undefined): Change[] {
  const keyed = (method: Method | undefined) =>
    new Map(method?.http.map((binding) => [`${binding.verb} ${templateShape(binding.template)}`, binding]));
  const [was, is] = [keyed(before), keyed(after)];
  const changes: Change[] = [];
  for (const [key, { verb, template }] of was) {
    if (!is.has(key)) {
      changes.push({
        kind: 'REST removed',
        before: `${verb} ${template}`,
        text: `REST path removed: ${verb} ${template}`,
      });
    }
  }
  for (const [key, { verb, template }] of is) {
    if (!was.has(key)) {
      changes.push({ kind: 'REST added', after: `${verb} ${template}`, text: `REST path added: ${verb} ${template}` });
    }
  }
  return changes;
}

function safetyWords({ safety, idempotencyKey }: Method): string {
  return `${safety.replaceAll('_', ' ')}${idempotencyKey === undefined ? '' : ` by ${idempotencyKey}`}`;
}

/** What is going to hold for a caller that may call now. */
function shadowWords(caller: string, { shadow }: Method): string | undefined {
  if (shadow === undefined) return undefined;
  return shadow.has(caller) ? 'would be allowed' : 'would be denied (counted)';
}

function faultWords({ faults }: Method): string | undefined {
  return faults
    ?.map(({ name, delayMs, abort }) =>
      [name, delayMs === undefined ? '' : `after ${timeWords(delayMs)}`, abort ?? ''].filter(Boolean).join(' '),
    )
    .join(', ');
}

function objectiveWords({ objective }: Method): string | undefined {
  return objective && `${objective.percent} % within ${timeWords(objective.withinMs)}`;
}
