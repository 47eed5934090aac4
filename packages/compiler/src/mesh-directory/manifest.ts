import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { resourcePart } from '../kinds/kind.ts';
import { type DocumentPart, kindOf, kinds, objectRef } from '../kinds/registry.ts';
import { suggesting } from '../model/did-you-mean.ts';
import type { Problem } from '../model/problem.ts';
import { groupOf, type ResourceRef, refKey, weftApiVersion, weftGroup } from '../model/resource-ref.ts';
import { documentSchema } from './manifest-schemas.ts';

/** A document of a manifest, read and valid. Plain data: it survives JSON. */
export type ManifestObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The line of its file on which it begins. */
  readonly line: number;
} & DocumentPart;

/** What one YAML file holds. */
export interface Manifest {
  readonly path: string;
  readonly objects: readonly ManifestObject[];
  /** Keys (`refKey`) of documents that were recognized but are wrong. */
  readonly broken: readonly string[];
  /** Some document is so broken that nobody can say which object it is. */
  readonly unreadable: boolean;
  readonly problems: readonly Problem[];
}

/** Reads one YAML file of any number of documents. A wrong document stops no other; problems say file, line and field. */
export function parseManifest(path: string, bytes: Uint8Array): Manifest {
  const lines = new LineCounter();
  const objects: ManifestObject[] = [];
  const broken: string[] = [];
  const problems: Problem[] = [];
  let unreadable = false;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const problem = { resource: path, message: 'is not UTF-8 text', advice: 'a YAML file in UTF-8' };
    return { path, objects, broken, unreadable: true, problems: [problem] };
  }
  if (text.trim() === '') return { path, objects, broken, unreadable: true, problems: [] };
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  for (const document of Array.isArray(documents) ? documents : []) {
    const error = document.errors[0];
    if (error !== undefined) {
      unreadable = true;
      problems.push(syntaxProblem(path, error, lines));
      continue;
    }
    const value = toValue(document);
    if (value instanceof Error) {
      unreadable = true;
      problems.push({ resource: path, message: `line ${lineOf(document, [], lines)}: ${value.message}` });
      continue;
    }
    if (value === null || value === undefined) continue;
    const line = lineOf(document, [], lines);
    const outcome = readDocument(value, line);
    if (outcome.object !== undefined) objects.push(outcome.object);
    else if (outcome.ref !== undefined) broken.push(refKey(outcome.ref));
    else unreadable = true;
    const subject = { resource: path, ...(outcome.ref ? { about: [outcome.ref] } : {}) };
    for (const issue of outcome.issues) problems.push(issueProblem(subject, issue, value, document, lines));
  }
  return { path, objects, broken, unreadable, problems };
}

/** What a document is: an object, or one that is wrong (its reference, where it can be told) and why. */
export interface Outcome {
  readonly object?: ManifestObject;
  readonly ref?: ResourceRef;
  readonly issues: readonly z.core.$ZodIssue[];
}

/** Reads a document that is no text any more: any value. */
export function readDocument(value: unknown, line: number): Outcome {
  const head = documentSchema.safeParse(value);
  if (!head.success) return { issues: head.error.issues };
  const { apiVersion, kind, metadata } = head.data;
  const named = {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    labels: metadata.labels ?? {},
    line,
  };
  const known = kindOf(apiVersion, kind);
  if (known === undefined && groupOf(apiVersion) === weftGroup) {
    return { ref: objectRef(named), issues: [unknownKind(kind)] };
  }
  // What nobody knows may be another front end's.
  const outcome = known?.read?.(value, head.data) ?? { part: resourcePart(head.data) };
  if ('issues' in outcome) return { ref: objectRef(named), issues: outcome.issues };
  return { object: { ...named, ...outcome.part }, issues: [] };
}

/** What is wrong with a document of our group that is of no kind of ours. */
function unknownKind(kind: string): z.core.$ZodIssue {
  const known: string[] = Object.values(kinds).flatMap((each) => (each.group === weftGroup ? [each.kind] : []));
  if (known.includes(kind)) {
    return { code: 'custom', path: ['apiVersion'], message: `${weftApiVersion} for a ${kind}; it has no effect` };
  }
  const message = suggesting(`one of ${known.sort().join(', ')}; it has no effect`, kind, known);
  return { code: 'custom', path: ['kind'], message };
}

function toValue(document: Document.Parsed): unknown {
  try {
    // The limit keeps a "billion laughs" of aliases from taking the memory.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return error instanceof Error ? error : new Error('cannot be read');
  }
}

function syntaxProblem(path: string, error: YAMLError, lines: LineCounter): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  return { resource: path, message: `line ${line}, column ${col}: ${error.message}`, advice: 'a valid YAML document' };
}

function issueProblem(
  subject: Pick<Problem, 'resource' | 'about'>,
  issue: z.core.$ZodIssue,
  value: unknown,
  document: Document.Parsed,
  lines: LineCounter,
): Problem {
  const at = `line ${lineOf(document, issue.path, lines)}`;
  const field = fieldOf(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const unknown = [...issue.path, issue.keys[0] ?? ''];
    const line = lineOf(document, unknown, lines);
    return {
      ...subject,
      field: fieldOf(unknown),
      message: `line ${line}: there is no such field`,
      advice: `known are ${issue.message}`,
    };
  }
  const found = valueAt(value, issue.path);
  return {
    ...subject,
    ...(field === '' ? {} : { field }),
    message: found === undefined ? `${at}: is missing` : `${at}: is ${shorten(found)}`,
    advice: issue.message,
  };
}

/** The value at a path, or undefined. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Reflect.get(found, part);
  }
  return found;
}

/** A value for a message, at most 80 characters. */
export function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** `["spec", "ports", 0, "port"]` as "spec.ports[0].port". */
export function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

/** The line of the node at a path, or of the nearest one above it that is there. */
function lineOf(document: Document.Parsed, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return lines.linePos(Number(node.range[0])).line;
    }
  }
  return 1;
}
