import type { HttpTemplate } from './http-template.ts';

/**
 * One step of a template along a path: a literal, one segment of any text, one that ends with a custom verb, or any number of segments,
 * none among them.
 */
export type TemplateStep = { readonly literal: string } | { readonly verb: string } | '*' | '**';

/** The steps of a template. A custom verb belongs to its last segment. */
export function stepsOf({ segments, customVerb }: HttpTemplate): readonly TemplateStep[] {
  if (customVerb === undefined) return segments;
  const last = segments.at(-1);
  const before = segments.slice(0, -1);
  if (last === '**') return [...segments, { verb: customVerb }];
  if (last === '*' || last === undefined) return [...before, { verb: customVerb }];
  return [...before, { literal: `${last.literal}:${customVerb}` }];
}

/** Whether some path matches both. */
export function templatesOverlap(a: readonly TemplateStep[], b: readonly TemplateStep[]): boolean {
  return variants(a).some((first) => variants(b).some((second) => meets(first, second, 0, 0)));
}

/** "/v1/**:verb" matches "/v1:verb", too: no segment, and the verb after what stands before. */
function variants(steps: readonly TemplateStep[]): readonly (readonly TemplateStep[])[] {
  const last = steps.at(-1);
  if (!isVerb(last) || steps.at(-2) !== '**') return [steps];
  const before = steps.slice(0, -2);
  const end = before.at(-1);
  if (end === undefined) return [steps];
  const closed: TemplateStep = isLiteral(end) ? { literal: `${end.literal}:${last.verb}` } : last;
  return [steps, [...before.slice(0, -1), closed]];
}

function meets(a: readonly TemplateStep[], b: readonly TemplateStep[], i: number, j: number): boolean {
  const [first, second] = [a[i], b[j]];
  if (first === undefined && second === undefined) return true;
  if (first === '**') return meets(a, b, i + 1, j) || (second !== undefined && meets(a, b, i, j + 1));
  if (second === '**') return meets(a, b, i, j + 1) || (first !== undefined && meets(a, b, i + 1, j));
  return first !== undefined && second !== undefined && segmentsMeet(first, second) && meets(a, b, i + 1, j + 1);
}

type OneSegment = Exclude<TemplateStep, '**'>;

/** Whether some segment matches both. No literal of a template has a colon, except one before a custom verb. */
export function segmentsMeet(a: OneSegment, b: OneSegment): boolean {
  if (a === '*' || b === '*') return true;
  if (isLiteral(a) && isLiteral(b)) return a.literal === b.literal;
  if (isVerb(a) && isVerb(b)) return a.verb === b.verb;
  const [literal, verb] = isLiteral(a) ? [a.literal, isVerb(b) ? b.verb : ''] : [isLiteral(b) ? b.literal : '', a.verb];
  return literal.endsWith(`:${verb}`);
}

/**
 * Which of two templates a path that matches both belongs to: below 0 the first. From the left, a literal comes before a segment that
 * ends with a custom verb, that before any other segment, that before any number of segments; Envoy's transcoder decides alike. 0 only
 * for templates of one shape, if they overlap.
 */
export function bySpecificity(a: readonly TemplateStep[], b: readonly TemplateStep[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = rank(a[at]) - rank(b[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function rank(step: TemplateStep | undefined): number {
  if (step === undefined) return 3;
  if (step === '**') return 4;
  if (step === '*') return 2;
  return isVerb(step) ? 1 : 0;
}

function isLiteral(step: TemplateStep | undefined): step is { readonly literal: string } {
  return typeof step === 'object' && 'literal' in step;
}

function isVerb(step: TemplateStep | undefined): step is { readonly verb: string } {
  return typeof step === 'object' && 'verb' in step;
}

/** The literals that a template begins with, before its first variable; the last without its custom verb. */
export function leadingLiterals(steps: readonly TemplateStep[]): readonly string[] {
  const end = steps.findIndex((step) => !isLiteral(step));
  const literals = (end < 0 ? steps : steps.slice(0, end)).filter(isLiteral);
  return literals.map(({ literal }) => literal.replace(/:.*$/, ''));
}

/** The steps of a method's path without a contract: "/v1/users", or "/v1/*" for all below. */
export function stepsOfPath(path: string): readonly TemplateStep[] {
  const [isOpen, fixed] = path.endsWith('/*') ? [true, path.slice(0, -2)] : [false, path];
  const literals = fixed
    .split('/')
    .slice(1)
    .map((literal) => ({ literal }));
  return isOpen ? [...literals, '**'] : literals;
}
