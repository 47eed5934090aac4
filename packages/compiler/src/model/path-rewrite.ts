import { type PathRewrite, type Rule, type RuleMatch, rewriteOf } from './route.ts';

/** Turns one path into another: what `pattern` (RE2, and JavaScript's too) matches at the beginning becomes `replacement`, literally. */
export interface PathSubstitution {
  readonly pattern: string;
  readonly replacement: string;
}

/** Matches whole elements ("/v1" but not "/v1beta"), or whatever begins so. */
type Prefix = { readonly prefix: string } | { readonly pathSeparatedPrefix: string };

/**
 * Puts a replacement in place of a matched prefix. For whole elements it is the table of the Gateway API (HTTPPathModifier): a slash at
 * the end of either does not count. A plain prefix is replaced literally, as App Mesh does, but neither runs two elements together
 * ("/v1/" by "/x" gives "/x/a", not "/xa") nor leaves two slashes ("/v1" by "/" gives "/a", not "//a"). No path comes out empty.
 */
export function prefixSubstitution(matched: Prefix, given: string): PathSubstitution {
  const replacement = given === '' ? '/' : given;
  if ('pathSeparatedPrefix' in matched) {
    const elements = withoutSlash(matched.pathSeparatedPrefix);
    const path = withoutSlash(replacement);
    if (elements === '') return { pattern: '^/+', replacement: `${path}/` };
    return path === '' ? { pattern: `^${literal(elements)}/*`, replacement: '/' } : exactly(elements, path);
  }
  const { prefix } = matched;
  if (prefix.endsWith('/') || replacement.endsWith('/')) {
    return {
      pattern: `^${literal(prefix)}/*`,
      replacement: replacement.endsWith('/') ? replacement : `${replacement}/`,
    };
  }
  return exactly(prefix, replacement);
}

function exactly(prefix: string, replacement: string): PathSubstitution {
  return { pattern: `^${literal(prefix)}`, replacement };
}

/** What becomes of the paths that a match has (undefined: of all paths). Undefined: they stay. */
export function substitutionOf(rewrite: PathRewrite, match: RuleMatch | undefined): PathSubstitution | undefined {
  if ('fullPath' in rewrite) return { pattern: '^.*$', replacement: rewrite.fullPath };
  const prefix = matchedPrefix(match ?? {});
  if (prefix === undefined) return undefined;
  const isSame =
    'prefix' in prefix
      ? prefix.prefix === (rewrite.prefix || '/')
      : withoutSlash(prefix.pathSeparatedPrefix) === withoutSlash(rewrite.prefix);
  return isSame ? undefined : prefixSubstitution(prefix, rewrite.prefix);
}

/** Whether calls to some path come out of a rule with another one. */
export function rewritesPaths({ matches, filters }: Pick<Rule, 'matches' | 'filters'>): boolean {
  const path = rewriteOf(filters)?.path;
  if (path === undefined) return false;
  return (matches.length > 0 ? matches : [undefined]).some((match) => substitutionOf(path, match) !== undefined);
}

/** The prefix that a match has: "/" where it says nothing of paths. Undefined: it has the path whole, or as a pattern. */
export function matchedPrefix({ path, grpc }: RuleMatch): Prefix | undefined {
  if (grpc) return undefined;
  if (path === undefined) return { pathSeparatedPrefix: '/' };
  return 'prefix' in path || 'pathSeparatedPrefix' in path ? path : undefined;
}

/** The path that a request for `path`, which is matched, becomes. */
export function substituted(path: string, { pattern, replacement }: PathSubstitution): string {
  return path.replace(new RegExp(pattern), () => replacement);
}

/**
 * The paths that a substitution, where it applies, turns into `path` ("/a.B/C", or "/v1/*" for "/v1" and all below), as a pattern of the whole path;
 * undefined: it turns none into that. Not of `fullPath`s.
 */
export function pathsBefore(path: string, { pattern, replacement }: PathSubstitution): string | undefined {
  const all = path.endsWith('/*');
  const base = all ? path.slice(0, -2) : path;
  // All that comes out of it is below the path.
  if (all && replacement.startsWith(`${base}/`)) return `${pattern.slice(1)}.*`;
  if (!base.startsWith(replacement)) return undefined;
  return `${pattern.slice(1)}${literal(base.slice(replacement.length))}${all ? '(?:/.*)?' : ''}`;
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** A text as a pattern that matches nothing else. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
