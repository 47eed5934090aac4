import { type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { http as httpOption } from '@weft/contracts/google/api/annotations';
import type { HttpRule } from '@weft/contracts/google/api/http';
import { lengths } from '../model/bounds.ts';
import { parseHttpTemplate } from '../model/http-template.ts';
import type { HttpBinding } from '../model/method.ts';
import type { Complaint } from './complaint.ts';
import { transcodingComplaints } from './transcoding.ts';

const verbs = { get: 'GET', put: 'PUT', post: 'POST', delete: 'DELETE', patch: 'PATCH' } as const;

/** Reads a method's google.api.http, the primary binding first, and checks each against the request message. */
export function readHttpBindings(method: DescMethod): { bindings: HttpBinding[]; complaints: Complaint[] } {
  const bindings: HttpBinding[] = [];
  const complaints: Complaint[] = [];
  if (!hasOption(method, httpOption)) return { bindings, complaints };
  const primary = getOption(method, httpOption);
  const rules = [primary, ...primary.additionalBindings];
  if (rules.length > lengths.httpBindings) {
    const message = `(google.api.http) has ${rules.length} bindings`;
    return { bindings, complaints: [{ element: method, message, advice: `at most ${lengths.httpBindings}` }] };
  }
  for (const rule of rules) {
    const outcome = readRule(rule, method, rule === primary);
    if ('binding' in outcome) bindings.push(outcome.binding);
    else complaints.push({ element: method, ...outcome });
  }
  complaints.push(...transcodingComplaints(method));
  return { bindings, complaints };
}

function readRule(
  rule: HttpRule,
  method: DescMethod,
  isPrimary: boolean,
): { binding: HttpBinding } | { message: string; advice?: string } {
  const { pattern, body, responseBody } = rule;
  if (pattern.case === undefined) return { message: '(google.api.http) has no verb and path' };
  if (pattern.case === 'custom') {
    return {
      message: `(google.api.http) has the verb ${pattern.value.kind}`,
      advice: 'one of get, put, post, delete, patch',
    };
  }
  if (pattern.value.length > lengths.httpTemplate) {
    return {
      message: `(google.api.http) has a path of ${pattern.value.length} characters`,
      advice: `at most ${lengths.httpTemplate}`,
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
  const twice = template.fields.find((field, index) => template.fields.indexOf(field) < index);
  if (twice !== undefined) return { message: `(google.api.http) path "${pattern.value}" names {${twice}} twice` };
  if (responseBody !== '' && !isHttpBody(fieldAt(method.output, responseBody))) {
    return {
      message: `(google.api.http) response_body "${responseBody}" is no google.api.HttpBody, and Envoy takes nothing else`,
      advice: `a google.api.HttpBody field of ${method.output.typeName}, or no response_body`,
    };
  }
  if (rule.additionalBindings.length > 0 && !isPrimary) {
    return { message: '(google.api.http) has additional_bindings within additional_bindings' };
  }
  if (body !== '' && body !== '*' && !method.input.fields.some(({ name }) => name === body)) {
    return { message: `(google.api.http) body "${body}" is no field of ${method.input.typeName}` };
  }
  return { binding: { verb: verbs[pattern.case], template: pattern.value, body } };
}

function isHttpBody(field: DescMessage['fields'][number] | undefined): boolean {
  return field?.fieldKind === 'message' && field.message.typeName === 'google.api.HttpBody';
}

/** The field at a dotted path ("order.order_id"), through single messages only. */
export function fieldAt(message: DescMessage, path: string): DescMessage['fields'][number] | undefined {
  const [first, ...rest] = path.split('.');
  const field = message.fields.find(({ name }) => name === first);
  if (rest.length === 0 || field === undefined) return field;
  return field.fieldKind === 'message' ? fieldAt(field.message, rest.join('.')) : undefined;
}
