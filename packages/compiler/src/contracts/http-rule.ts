import { type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { http as httpOption } from '@weft/contracts/google/api/annotations';
import type { HttpRule } from '@weft/contracts/google/api/http';
import { parseHttpTemplate } from '../model/http-template.ts';
import type { HttpBinding } from '../model/method.ts';
import type { Complaint } from './complaint.ts';

const verbs = { get: 'GET', put: 'PUT', post: 'POST', delete: 'DELETE', patch: 'PATCH' } as const;

/** Reads a method's google.api.http, the primary binding first, and checks each against the request message. */
export function readHttpBindings(method: DescMethod): { bindings: HttpBinding[]; complaints: Complaint[] } {
  const bindings: HttpBinding[] = [];
  const complaints: Complaint[] = [];
  if (!hasOption(method, httpOption)) return { bindings, complaints };
  const primary = getOption(method, httpOption);
  for (const rule of [primary, ...primary.additionalBindings]) {
    const outcome = readRule(rule, method);
    if ('binding' in outcome) bindings.push(outcome.binding);
    else complaints.push({ element: method, ...outcome });
  }
  return { bindings, complaints };
}

function readRule(rule: HttpRule, method: DescMethod): { binding: HttpBinding } | { message: string; advice?: string } {
  const { pattern, body } = rule;
  if (pattern.case === undefined) return { message: '(google.api.http) has no verb and path' };
  if (pattern.case === 'custom') {
    return {
      message: `(google.api.http) has the verb ${pattern.value.kind}`,
      advice: 'one of get, put, post, delete, patch',
    };
  }
  const template = parseHttpTemplate(pattern.value);
  if (template === undefined) {
    return {
      message: `(google.api.http) path "${pattern.value}" is not a template`,
      advice: '"/v1/orders/{order_id}"',
    };
  }
  for (const field of template.fields) {
    if (fieldAt(method.input, field)?.fieldKind === 'scalar' || fieldAt(method.input, field)?.fieldKind === 'enum')
      continue;
    return {
      message: `(google.api.http) path "${pattern.value}" names {${field}}`,
      advice: `a single scalar field of ${method.input.typeName}`,
    };
  }
  if (body !== '' && body !== '*' && !method.input.fields.some(({ name }) => name === body)) {
    return { message: `(google.api.http) body "${body}" is no field of ${method.input.typeName}` };
  }
  return { binding: { verb: verbs[pattern.case], template: pattern.value, body } };
}

/** The field at a dotted path ("order.order_id"), through single messages only. */
export function fieldAt(message: DescMessage, path: string): DescMessage['fields'][number] | undefined {
  const [first, ...rest] = path.split('.');
  const field = message.fields.find(({ name }) => name === first);
  if (rest.length === 0 || field === undefined) return field;
  return field.fieldKind === 'message' ? fieldAt(field.message, rest.join('.')) : undefined;
}
