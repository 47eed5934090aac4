import { bounds, boundWords, isWithin, lengths } from './bounds.ts';
import { matchedPrefix } from './path-rewrite.ts';
import { type PathRewrite, type RequestRedirect, type Rule, redirectOf, rewriteOf, type UrlRewrite } from './route.ts';

/** What is wrong with a rule, and what was expected. */
export interface RuleComplaint {
  /** "urlRewrite.hostname", "backends[1].weight": in the terms of `Rule`. */
  readonly field: string;
  readonly message: string;
  readonly advice: string;
}

const statuses: readonly number[] = [301, 302, 303, 307, 308];
const hostname = /^(?!-)[\w-]+(?:\.[\w-]+)*\.?$/;
// RFC 3986: what a path may be made of.
const path = /^\/(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;

/**
 * Says why calls cannot be treated as a rule says; undefined: they can. A proxy would refuse such a rule, or it would mean nothing. A
 * front end may ask, to name its own field; the translation answers calls of such a rule with 500 all the same.
 */
export function ruleComplaint({ matches, filters, backends }: Rule): RuleComplaint | undefined {
  const [rewrite, redirect] = [rewriteOf(filters), redirectOf(filters)];
  const heavy = backends.findIndex(({ weight }) => !isWithin(weight, bounds.backendWeight));
  if (heavy >= 0) {
    const message = `is ${backends[heavy]?.weight}`;
    return { field: `backends[${heavy}].weight`, message, advice: boundWords(bounds.backendWeight) };
  }
  for (const is of ['urlRewrite', 'requestRedirect'] as const) {
    if (filters.filter((filter) => filter.is === is).length > 1) {
      return { field: is, message: 'is there more than once', advice: 'one filter of this kind in a rule' };
    }
  }
  if (rewrite && redirect) {
    return { field: 'requestRedirect', message: 'is beside a urlRewrite', advice: 'one of the two in a rule' };
  }
  const filter = rewrite ?? redirect;
  if (filter === undefined) return undefined;
  return (
    hostComplaint(filter) ??
    (filter.path && pathComplaint(`${filter.is}.path`, filter.path, matches)) ??
    (redirect && redirectComplaint(redirect))
  );
}

function hostComplaint({ is, hostname: host }: UrlRewrite | RequestRedirect): RuleComplaint | undefined {
  if (host === undefined || (hostname.test(host) && host.length <= lengths.hostname)) return undefined;
  const advice = `a host name without a port, of at most ${lengths.hostname} characters`;
  return { field: `${is}.hostname`, message: `is ${quoted(host)}`, advice };
}

function pathComplaint(field: string, rewrite: PathRewrite, matches: Rule['matches']): RuleComplaint | undefined {
  const isPrefix = 'prefix' in rewrite;
  const [given, part] = isPrefix ? [rewrite.prefix, `${field}.prefix`] : [rewrite.fullPath, `${field}.fullPath`];
  if (isPrefix && !matches.every((match) => matchedPrefix(match))) {
    const message = 'replaces a prefix, and a match of its rule has none';
    return { field: part, message, advice: 'matches by prefix only, or another full path' };
  }
  if (isPrefix && given === '') return undefined;
  if (
    path.test(given) &&
    given.length <= lengths.pathRewrite &&
    !given.split('/').slice(1, -1).concat(last(given)).some(isOdd)
  ) {
    return undefined;
  }
  const advice = `a path that begins with a slash, of at most ${lengths.pathRewrite} characters that need no escape, without a query, "//", "." and ".."`;
  return { field: part, message: `is ${quoted(given)}`, advice };
}

/** A part between slashes that servers take away. */
function isOdd(element: string): boolean {
  const plain = element.replace(/%2e/gi, '.');
  return element === '' || plain === '.' || plain === '..' || element.includes('%00');
}

/** The last part of a path; a slash at its end is no part. */
function last(given: string): readonly string[] {
  const element = given.slice(given.lastIndexOf('/') + 1);
  return element === '' ? [] : [element];
}

function redirectComplaint({ scheme, port, statusCode }: RequestRedirect): RuleComplaint | undefined {
  const field = (name: string) => `requestRedirect.${name}`;
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    return { field: field('scheme'), message: `is ${quoted(scheme)}`, advice: 'http or https' };
  }
  if (port !== undefined && !isWithin(port, bounds.port)) {
    return { field: field('port'), message: `is ${port}`, advice: boundWords(bounds.port) };
  }
  if (statusCode !== undefined && !statuses.includes(statusCode)) {
    return { field: field('statusCode'), message: `is ${statusCode}`, advice: statuses.join(', ') };
  }
  return undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
