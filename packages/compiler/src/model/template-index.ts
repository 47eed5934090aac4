import { segmentsMeet, type TemplateStep, templatesOverlap } from './template-overlap.ts';

/** What is kept by its template. */
export interface Indexed {
  readonly steps: readonly TemplateStep[];
}

interface Node<T> {
  /** Whose templates end here. */
  readonly ends: T[];
  /** By the text of the step. */
  readonly next: Map<string, { readonly step: Exclude<TemplateStep, '**'>; readonly node: Node<T> }>;
  /** Whose templates have any number of segments here. */
  readonly open: T[];
}

/**
 * Templates, found by what overlaps them. A look costs what it finds and the templates that begin alike up to a variable, not all that
 * there are.
 */
export class TemplateIndex<T extends Indexed> {
  readonly #root: Node<T> = emptyNode();
  #looked = 0;

  constructor(items: Iterable<T> = []) {
    for (const item of items) this.add(item);
  }

  /** How many steps and items all looks have met so far: what they cost, wherever overlapping templates differ. */
  get looked(): number {
    return this.#looked;
  }

  add(item: T): void {
    let node = this.#root;
    for (const step of item.steps) {
      if (step === '**') {
        node.open.push(item);
        return;
      }
      const key = keyOf(step);
      let next = node.next.get(key);
      if (next === undefined) {
        next = { step, node: emptyNode() };
        node.next.set(key, next);
      }
      node = next.node;
    }
    node.ends.push(item);
  }

  /** All whose templates overlap this one; an item that was added is among its own. */
  overlapping(steps: readonly TemplateStep[]): readonly T[] {
    const found = new Set<T>();
    this.find(steps, (item) => {
      found.add(item);
      return false;
    });
    return [...found];
  }

  /** One whose template overlaps this one, and which `accepts`. That may be asked of an item more than once. */
  find(steps: readonly TemplateStep[], accepts: (item: T) => boolean): T | undefined {
    let found: T | undefined;
    const take = (items: readonly T[]) => {
      this.#looked += 1 + items.length;
      found = items.find((item) => templatesOverlap(item.steps, steps) && accepts(item));
      return found !== undefined;
    };
    const all = (node: Node<T>): boolean =>
      take(node.ends) || take(node.open) || [...node.next.values()].some(({ node: child }) => all(child));
    // Finds too much rather than too little; each is then looked at as a whole.
    const walk = (node: Node<T>, at: number): boolean => {
      if (take(node.open)) return true;
      const step = steps[at];
      if (step === undefined) return take(node.ends);
      if (step === '**') return all(node);
      // "/v1/**:verb" matches "/v1:verb", too, so the node before an open end may close it.
      if (steps[at + 1] === '**' && steps.length > at + 2 && all(node)) return true;
      if (meeting(node, step).some(({ node: child }) => walk(child, at + 1))) return true;
      // The same the other way round: an item with an open end and a verb closes one step before.
      return closing(node, step).some((child) => take(child.open));
    };
    walk(this.#root, 0);
    return found;
  }
}

type OneSegment = Exclude<TemplateStep, '**'>;

/** The children whose segment meets a step. Few of many literals do, so those are looked up. */
function meeting<T>(node: Node<T>, step: OneSegment): readonly { readonly node: Node<T> }[] {
  if (typeof step !== 'object' || 'verb' in step) {
    return [...node.next.values()].filter(({ step: other }) => segmentsMeet(step, other));
  }
  const colon = step.literal.lastIndexOf(':');
  const keys = [keyOf(step), '*', ...(colon < 0 ? [] : [`:${step.literal.slice(colon + 1)}`])];
  return keys.flatMap((key) => node.next.get(key) ?? []);
}

/** The children after which an open end with a verb may have no segment. */
function closing<T>(node: Node<T>, step: OneSegment): readonly Node<T>[] {
  if (typeof step !== 'object' || 'verb' in step) return [...node.next.values()].map((child) => child.node);
  const colon = step.literal.lastIndexOf(':');
  if (colon < 0) return [];
  const literal = step.literal.slice(0, colon);
  return [keyOf({ literal }), '*'].flatMap((key) => node.next.get(key)?.node ?? []);
}

function emptyNode<T>(): Node<T> {
  return { ends: [], next: new Map(), open: [] };
}

function keyOf(step: OneSegment): string {
  if (step === '*') return '*';
  return 'verb' in step ? `:${step.verb}` : `/${step.literal}`;
}
