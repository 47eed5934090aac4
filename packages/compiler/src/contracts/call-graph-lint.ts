import type { DescMethod } from '@bufbuild/protobuf';
import type { LogicalName } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import { edgeName } from '../model/names.ts';
import type { Complaint } from './complaint.ts';
import { logicalNameOf } from './logical-name.ts';

/** More tries than these of one method for one call at the start of a path are refused: two hops of three retries each are 16. */
const mostTries = 16;

interface Node {
  readonly method: Method;
  readonly element: DescMethod;
  readonly service: LogicalName;
}

/**
 * Proves what the permitted calls can do together. A contract says which services may call a method, and not from which of their
 * methods they do; so a way goes from a method to every method that names its service as a caller. What is refused is so whatever
 * the code does: see docs/lint.md.
 */
export function graphComplaints(methods: readonly Method[], elements: ReadonlyMap<string, DescMethod>): Complaint[] {
  const nodes = methods.flatMap((method) => {
    const element = elements.get(method.path);
    return element ? { method, element, service: logicalNameOf(element.parent.file.proto.package) } : [];
  });
  const byService = new Map<LogicalName, Node[]>();
  for (const node of nodes) byService.set(node.service, [...(byService.get(node.service) ?? []), node]);
  const cycles = cyclesOf(nodes, byService);
  return [
    ...nodes.flatMap((node) => [...shortDeadlines(node, byService), ...unsafeBehindRetry(node, byService)]),
    ...cycles,
    // On a circle every number grows without end.
    ...(cycles.length > 0 ? [] : amplification(nodes, byService)),
  ];
}

/** The longest that a call of a unary method takes, with all its tries; undefined for a stream without an end. */
export function worstCaseMs({ kind, deadlineMs, tryTimeoutMs, maxDurationMs, retry }: Method): number | undefined {
  if (kind !== 'unary') return maxDurationMs;
  if (deadlineMs === undefined || tryTimeoutMs === undefined) return deadlineMs;
  const retries = retry?.maxRetries ?? 0;
  return Math.min(deadlineMs, (1 + retries) * tryTimeoutMs + retries * (retry?.maxBackoffMs ?? 0));
}

/** A callee that may take longer than any method of a caller may. */
function shortDeadlines({ method, element }: Node, byService: ReadonlyMap<LogicalName, readonly Node[]>): Complaint[] {
  const worstMs = worstCaseMs(method);
  if (worstMs === undefined) return [];
  return [...method.callers].flatMap((caller) => {
    const own = byService.get(caller) ?? [];
    const limits = own.map((node) =>
      node.method.kind === 'unary' ? node.method.deadlineMs : node.method.maxDurationMs,
    );
    // A stream without an end can wait for anything.
    if (limits.length === 0 || limits.includes(undefined)) return [];
    const longestMs = Math.max(...limits.map((ms) => ms ?? 0));
    if (longestMs >= worstMs) return [];
    return {
      element,
      message: `may take ${worstMs} ms with its tries, but no method of ${caller}, which may call it, lives longer than ${longestMs} ms`,
      advice: `a deadline of at most ${longestMs} ms here, or a longer one in ${caller}`,
    };
  });
}

/** A step that must not be repeated, behind a method that is. */
function unsafeBehindRetry(
  { method, element }: Node,
  byService: ReadonlyMap<LogicalName, readonly Node[]>,
): Complaint[] {
  if (method.safety !== 'unsafe') return [];
  return [...method.callers].flatMap((caller) => {
    // A keyed method knows a repeat by its key, and one without side effects has no such step.
    const repeated = (byService.get(caller) ?? []).filter(
      (node) => node.method.safety === 'idempotent' && node.method.retry !== undefined,
    );
    const [first] = repeated;
    if (first === undefined) return [];
    return {
      element,
      message: `may not be repeated, but ${caller}, which may call it, is itself repeated in ${names(repeated)}`,
      advice: `an idempotency key here or in ${first.method.path.slice(1)}, or no retry there`,
    };
  });
}

/** Circles of services that may call each other, each told once. */
function cyclesOf(nodes: readonly Node[], byService: ReadonlyMap<LogicalName, readonly Node[]>): Complaint[] {
  const next = (service: LogicalName) => nodes.filter(({ method }) => method.callers.has(service));
  const complaints: Complaint[] = [];
  const told = new Set<LogicalName>();
  for (const start of [...byService.keys()].sort()) {
    if (told.has(start)) continue;
    const way = wayBack(start, next);
    if (way === undefined) continue;
    for (const { service } of way) told.add(service);
    const last = way.at(-1);
    if (last === undefined) continue;
    complaints.push({
      element: last.element,
      message: `closes a circle of calls: ${[start, ...way.map(({ method }) => method.path.slice(1))].join(' -> ')}`,
      advice: 'an event, or an answer in a stream, in place of the call back',
    });
  }
  return complaints;
}

/** The shortest way of calls from a service to a method of its own. */
function wayBack(start: LogicalName, next: (service: LogicalName) => readonly Node[]): Node[] | undefined {
  const seen = new Set<LogicalName>();
  let ways: Node[][] = next(start).map((node) => [node]);
  while (ways.length > 0) {
    const longer: Node[][] = [];
    for (const way of ways) {
      const end = way.at(-1);
      if (end === undefined) continue;
      if (end.service === start) return way;
      if (seen.has(end.service)) continue;
      seen.add(end.service);
      for (const node of next(end.service)) longer.push([...way, node]);
    }
    ways = longer;
  }
  return undefined;
}

/** Methods that one call at the start of a path may try too often. Only without circles. */
function amplification(nodes: readonly Node[], byService: ReadonlyMap<LogicalName, readonly Node[]>): Complaint[] {
  const worst = new Map<Node, { readonly tries: number; readonly way: readonly Node[] }>();
  const triesOf = (node: Node): { readonly tries: number; readonly way: readonly Node[] } => {
    const known = worst.get(node);
    if (known) return known;
    const before = [...node.method.callers]
      .filter((caller) => caller !== edgeName)
      .flatMap((caller) => byService.get(caller) ?? [])
      .map(triesOf);
    const most = before.reduce((a, b) => (b.tries > a.tries ? b : a), { tries: 1, way: [] as readonly Node[] });
    const own = Math.max(1 + (node.method.retry?.maxRetries ?? 0), node.method.hedge?.maxTries ?? 1);
    const found = { tries: most.tries * own, way: [...most.way, node] };
    worst.set(node, found);
    return found;
  };
  return nodes.flatMap((node) => {
    const { tries, way } = triesOf(node);
    const before = way.at(-2);
    // Told where it becomes too much, not again at every hop behind.
    if (tries <= mostTries || (before && triesOf(before).tries > mostTries)) return [];
    return {
      element: node.element,
      message: `may be tried ${tries} times for one call: ${way.map(({ method }) => `${method.path.slice(1)} (${1 + (method.retry?.maxRetries ?? 0)})`).join(' -> ')}`,
      advice: `at most ${mostTries}: fewer retries on the way`,
    };
  });
}

function names(nodes: readonly Node[]): string {
  const shown = nodes.slice(0, 3).map(({ method }) => method.path.slice(1));
  return `${shown.join(', ')}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ''}`;
}
