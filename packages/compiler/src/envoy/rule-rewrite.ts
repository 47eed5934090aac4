import { create } from '@bufbuild/protobuf';
import type { RouteAction, RouteMatch } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import {
  type RegexMatchAndSubstitute,
  RegexMatchAndSubstituteSchema,
} from '@weft/envoy-api/envoy/type/matcher/v3/regex';
import { type PathSubstitution, pathsBefore, substituted, substitutionOf } from '../model/path-rewrite.ts';
import { isServiceBackend, type Rule, type RuleMatch, rewriteOf } from '../model/route.ts';
import { matchedCalls } from './rule-match.ts';
import type { RuledCalls } from './rule-routes.ts';

/** Calls that leave with one path, or with paths that one method is about. */
export interface SentCalls {
  readonly match: RouteMatch;
  /** The path of what they call: "/a.B/C", or "/v1/*" for all below. */
  readonly called: string;
  /** How they get that path. Absent: they have it. */
  readonly change?: PathSubstitution | { readonly to: string };
}

/**
 * What the calls of a rule's match are calls of. `match`: as Envoy finds them. Who may call and for how long depends on the method that
 * is called in the end, so calls to many paths that are rewritten are told apart by what they become: for each method that may be
 * called, those calls that become calls of it.
 */
export function sentCalls(
  rule: Rule,
  by: RuleMatch | undefined,
  match: RouteMatch,
  calls: Pick<RuledCalls, 'path' | 'isLast' | 'callable'>,
): readonly SentCalls[] {
  const { path } = calls;
  const rewrite = rewriteOf(rule.filters)?.path;
  const change = rewrite && substitutionOf(rewrite, by);
  if (rewrite === undefined || change === undefined) return [{ match, called: path }];
  if ('fullPath' in rewrite || !path.endsWith('/*')) {
    const called = substituted(path, change);
    return [{ match, called, change: { to: called } }];
  }
  const backends = rule.backends.filter(isServiceBackend).filter(({ weight }) => weight > 0);
  const callable = [...new Set(backends.flatMap((to) => calls.callable(to)))].sort(narrowestFirst);
  const sent = callable.flatMap((called): SentCalls[] => {
    const before = pathsBefore(called, change);
    const found = before === undefined ? undefined : matchedCalls(path, by, before);
    return found ? [{ match: found.match, called, change }] : [];
  });
  const isRest = calls.isLast || backends.length === 0;
  return isRest && !callable.includes('/*') ? [...sent, { match, called: '', change }] : sent;
}

/** A path before all below it, and those below it before them. */
export function narrowestFirst(a: string, b: string): number {
  const isArea = (path: string) => Number(path.endsWith('/*'));
  return isArea(a) - isArea(b) || b.length - a.length || (a < b ? -1 : 1);
}

/** Has calls leave with their new path, and another host name. */
export function rewriteUrl(action: RouteAction, { match, change }: SentCalls, hostname: string | undefined): void {
  if (hostname !== undefined) action.hostRewriteSpecifier = { case: 'hostRewriteLiteral', value: hostname };
  if (change === undefined) return;
  // Of an exact path the prefix is all of it.
  if ('to' in change && match.pathSpecifier.case === 'path') action.prefixRewrite = change.to;
  else action.regexRewrite = regexRewrite('to' in change ? { pattern: '^.*$', replacement: change.to } : change);
}

/** A substitution in Envoy's terms. It leaves the query alone. */
export function regexRewrite({ pattern, replacement }: PathSubstitution): RegexMatchAndSubstitute {
  return create(RegexMatchAndSubstituteSchema, { pattern: { regex: pattern }, substitution: replacement });
}
