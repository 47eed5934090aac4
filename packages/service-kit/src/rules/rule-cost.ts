import { parse } from '@bufbuild/cel';

type Expr = ReturnType<typeof parse>['expr'];

/**
 * What it costs to evaluate a rule, in steps of about 100 ns, as two polynomials in the number of elements that `this` holds: the sum of
 * `elements[d] * n^d`, and of `bytes[d] * b * n^d` for functions that read all of a text of b bytes.
 */
export interface RuleCost {
  readonly elements: number[];
  readonly bytes: number[];
}

/** How much one rule reads: the elements and the bytes of text that `this` holds, at all depths. */
export interface Size {
  readonly elements: number;
  readonly bytes: number;
}

/** A step of a scan through a list, which is cheaper than a step of the interpreter. */
const scanStep = 1 / 8;

/** RE2 in JavaScript reads so much more slowly than the other functions. */
const matchedByteStep = 1;
const readByteStep = 1 / 16;

/** Matching a pattern against texts of a size: for string.pattern and bytes.pattern. */
export const patternCost: RuleCost = { elements: [1], bytes: [matchedByteStep] };

/** Estimates a rule from its syntax: an upper bound, up to a factor. A rule that cannot be parsed costs nothing, and is reported when it runs. */
export function ruleCost(expression: string): RuleCost {
  const cost: RuleCost = { elements: [], bytes: [] };
  let expr: Expr;
  try {
    ({ expr } = parse(expression));
  } catch {
    return cost;
  }
  addCost(expr, { cost, depth: 0, own: new Set() });
  return cost;
}

/** The steps that a rule takes for a value. */
export function stepsOf({ elements, bytes }: RuleCost, size: Size): number {
  const polynomial = (coefficients: readonly number[]) =>
    coefficients.reduceRight((sum, coefficient) => sum * size.elements + (coefficient ?? 0), 0);
  return polynomial(elements) + size.bytes * polynomial(bytes);
}

interface Place {
  readonly cost: RuleCost;
  /** Loops around the expression. */
  readonly depth: number;
  /** The variables of the innermost loop: their values add up to no more than what the loop goes through. */
  readonly own: ReadonlySet<string>;
}

function addCost(expr: Expr | undefined, place: Place): void {
  if (!expr) return;
  const { cost, depth } = place;
  add(cost.elements, depth, 1);
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr':
      addCost(exprKind.value.operand, place);
      return;
    case 'listExpr':
      for (const element of exprKind.value.elements) addCost(element, place);
      return;
    case 'structExpr':
      for (const entry of exprKind.value.entries) {
        if (entry.keyKind.case === 'mapKey') addCost(entry.keyKind.value, place);
        addCost(entry.value, place);
      }
      return;
    case 'callExpr': {
      const { target, args, function: name } = exprKind.value;
      addCost(target, place);
      for (const arg of args) addCost(arg, place);
      addReading(name, target ? [target, ...args] : args, place);
      return;
    }
    case 'comprehensionExpr': {
      const { iterVar, iterVar2, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      addCost(iterRange, place);
      addCost(accuInit, place);
      const inside = { cost, depth: depth + 1, own: new Set([iterVar, iterVar2, accuVar]) };
      addCost(loopCondition, inside);
      addCost(loopStep, inside);
      addCost(result, place);
      // map() and filter() put lists together one element at a time, and each addition nests the list deeper.
      if (accuInit?.exprKind.case === 'listExpr') add(cost.elements, depth + 2, scanStep);
      return;
    }
  }
}

/** Functions, other than operators, may read all of their arguments. */
function addReading(name: string, args: readonly Expr[], { cost, depth, own }: Place): void {
  const isLocal = depth > 0 && args.every((arg) => namesOnly(arg, own));
  const loops = isLocal ? depth - 1 : depth;
  if (name === 'unique') add(cost.elements, loops + 2, scanStep);
  else if (name === '@in') add(cost.elements, loops + 1, scanStep);
  else if (/^[a-zA-Z]/.test(name)) add(cost.bytes, loops, name === 'matches' ? matchedByteStep : readByteStep);
}

function namesOnly(expr: Expr | undefined, names: ReadonlySet<string>): boolean {
  const kind = expr?.exprKind;
  switch (kind?.case) {
    case 'identExpr':
      return names.has(kind.value.name);
    case 'selectExpr':
      return namesOnly(kind.value.operand, names);
    case 'callExpr':
      return [kind.value.target, ...kind.value.args].every((part) => namesOnly(part, names));
    case 'listExpr':
      return kind.value.elements.every((element) => namesOnly(element, names));
    case 'structExpr':
    case 'comprehensionExpr':
      return false;
    default:
      return true;
  }
}

function add(coefficients: number[], degree: number, steps: number): void {
  while (coefficients.length <= degree) coefficients.push(0);
  coefficients[degree] = (coefficients[degree] ?? 0) + steps;
}

/** Counts what a message, list, map or scalar holds. */
export function sizeOf(value: unknown): Size {
  const size = { elements: 0, bytes: 0 };
  measure(value, size);
  return size;
}

function measure(value: unknown, size: { elements: number; bytes: number }): void {
  size.elements++;
  if (typeof value === 'string') size.bytes += value.length;
  else if (value instanceof Uint8Array) size.bytes += value.length;
  else if (Array.isArray(value)) for (const element of value) measure(element, size);
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) {
      if (name.startsWith('$')) continue;
      size.bytes += name.length;
      measure(member, size);
    }
}
