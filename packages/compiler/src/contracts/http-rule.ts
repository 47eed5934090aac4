import { type DescMessage, type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { http as httpOption } from '@weft/policy/google/api/annotations';
import type { HttpRule } from '@weft/policy/google/api/http';
import { lengths } from '../model/bounds.ts';
import { type HttpTemplate, parseHttpTemplate } from '../model/http-template.ts';
import { grpcPathPattern, type HttpBinding } from '../model/method.ts';
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
  const [verb, path] =
    pattern.case === 'custom' ? [pattern.value.kind, pattern.value.path] : [verbs[pattern.case], pattern.value];
  if (!isVerb(verb)) {
    return {
      message: `(google.api.http) has the custom kind ${JSON.stringify(verb)}`,
      advice: 'an HTTP method in capital letters other than HEAD, CONNECT and TRACE, or "*" for all',
    };
  }
  if (path.length > lengths.httpTemplate) {
    return {
      message: `(google.api.http) has a path of ${path.length} characters`,
      advice: `at most ${lengths.httpTemplate}`,
    };
  }
  const template = parseHttpTemplate(path);
  if (template === undefined) {
    return {
      message: `(google.api.http) path "${path}" is not a template`,
      advice: '"/v1/orders/{order_id}"',
    };
  }
  if ((verb === 'POST' || verb === '*') && isGrpcPath(template)) {
    return {
      message: `(google.api.http) path "${path}" looks like a gRPC method path, which is reserved for gRPC`,
      advice: '"/v1/orders/{order_id}"',
    };
  }
  for (const field of template.fields) {
    if (fieldAt(method.input, field)?.fieldKind === 'scalar' || fieldAt(method.input, field)?.fieldKind === 'enum')
      continue;
    return {
      message: `(google.api.http) path "${path}" names {${field}}`,
      advice: `a single scalar field of ${method.input.typeName}`,
    };
  }
  const twice = template.fields.find((field, index) => template.fields.indexOf(field) < index);
  if (twice !== undefined) return { message: `(google.api.http) path "${path}" names {${twice}} twice` };
  if (responseBody !== '' && !isHttpBody(fieldAt(method.output, responseBody))) {
    return {
      message: `(google.api.http) response_body "${responseBody}" is not a google.api.HttpBody field, the only type that Envoy accepts`,
      advice: `a google.api.HttpBody field of ${method.output.typeName}, or no response_body`,
    };
  }
  if (rule.additionalBindings.length > 0 && !isPrimary) {
    return { message: '(google.api.http) has additional_bindings within additional_bindings' };
  }
  if (body !== '' && body !== '*' && !method.input.fields.some(({ name }) => name === body)) {
    return { message: `(google.api.http) body "${body}" is not a field of ${method.input.typeName}` };
  }
  return { binding: { verb, template: path, body } };
}

/** Those that are the proxy's own, or whose answers have no body. */
const otherVerbs: readonly string[] = ['HEAD', 'CONNECT', 'TRACE'];

/** Verbs of the five kinds and those that "custom" may add. */
function isVerb(verb: string): boolean {
  return verb === '*' || (/^[A-Z]{1,32}$/.test(verb) && !otherVerbs.includes(verb));
}

/** "/a.B/C" and "/a.B/{name}" are calls of gRPC, which the edge answers as such, exposed or not. */
function isGrpcPath({ segments, customVerb }: HttpTemplate): boolean {
  const [first, second] = segments;
  if (typeof first !== 'object' || segments.length !== 2 || second === undefined || customVerb !== undefined)
    return false;
  const example = typeof second === 'object' ? second.literal : 'Method';
  return new RegExp(`^${grpcPathPattern}$`).test(`/${first.literal}/${example}`);
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
