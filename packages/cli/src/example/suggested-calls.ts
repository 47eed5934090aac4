import type { DescMethod, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { openDescriptorSet } from '@weft/compiler/contracts/descriptor-set';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { readServices } from '@weft/compiler/contracts/service-policy';
import { type HttpBinding, isExposed, type Method } from '@weft/compiler/model/method';
import { exampleRequest } from './example-request.ts';

/**
 * Commands that call the methods that a contract exposes at the edge, each with a valid request: one with gRPC, preferably of a method
 * without side effects, and one with REST if a method has a path. `edge`: host and port. Replace `{id}` in a command with a new value each
 * time. Throws if the bytes are not a descriptor set.
 */
export function suggestedCalls(descriptorSet: Uint8Array, logicalName: string, edge: string): string[] {
  const files = [...openDescriptorSet(descriptorSet).files];
  const services = files
    .filter(({ proto }) => logicalNameOf(proto.package) === logicalName)
    .flatMap((file) => file.services);
  const { policies } = readServices(services, '');
  const exposed = services
    .flatMap((service) => service.methods.map((desc) => ({ desc, path: `/${service.typeName}/${desc.name}` })))
    .flatMap(({ desc, path }) => {
      const method = policies.methods.get(path);
      return method && method.kind === 'unary' && isExposed(method) ? [{ desc, method }] : [];
    })
    // The sort is stable, so equals keep the contract's order.
    .sort((a, b) => Number(b.method.safety === 'no_side_effects') - Number(a.method.safety === 'no_side_effects'));
  const [first] = exposed;
  const rest = exposed.find(({ method }) => method.http.length > 0);
  return [
    ...(first ? [grpcurl(first.desc, first.method, edge)] : []),
    ...(rest ? curl(rest.desc, rest.method, edge) : []),
  ];
}

function exampleOf(desc: DescMethod, { idempotencyKey }: Method): JsonObject {
  return exampleRequest(desc.input, idempotencyKey === undefined ? {} : { [idempotencyKey]: 'try-{id}' });
}

function grpcurl(desc: DescMethod, method: Method, edge: string): string {
  const body = quoted(JSON.stringify(exampleOf(desc, method)));
  return `grpcurl -plaintext -d ${body} ${edge} ${method.path.slice(1)}`;
}

function curl(desc: DescMethod, method: Method, edge: string): string[] {
  const [binding] = method.http;
  if (binding === undefined) return [];
  const example = exampleOf(desc, method);
  const path = filledPath(binding, desc, example);
  if (path === undefined) return [];
  const { verb, body } = binding;
  const flag = verb === 'GET' || verb === '*' ? '' : `-X ${verb} `;
  if (body === '') {
    const query = Object.entries(example).filter(([, value]) => typeof value !== 'object');
    const text = query.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
    return [`curl ${flag}${quoted(`${edge}${path}${text ? `?${text}` : ''}`)}`];
  }
  const content = body === '*' ? example : (example[desc.input.field[body]?.jsonName ?? body] ?? {});
  const data = quoted(JSON.stringify(content));
  const post = verb === 'POST' ? '' : flag;
  return [`curl ${post}${quoted(`${edge}${path}`)} -H 'content-type: application/json' -d ${data}`];
}

/** Fills a path template with values of `example`, and removes them from it; undefined if a variable has no value. */
function filledPath({ template }: HttpBinding, desc: DescMethod, example: JsonObject): string | undefined {
  let complete = true;
  const path = template.replaceAll(/\{([^{}=]+)(?:=([^{}]+))?\}/g, (_, name: string, pattern?: string) => {
    const jsonName = desc.input.fields.find((field) => field.name === name)?.jsonName ?? name;
    const value: JsonValue | undefined = example[jsonName];
    delete example[jsonName];
    if (pattern !== undefined) return pattern.replaceAll(/\*+/g, 'some-name');
    if (value === undefined || typeof value === 'object') complete = false;
    return encodeURIComponent(String(value));
  });
  return complete ? path : undefined;
}

/** Quotes a word for the shell, unless it has only plain characters. */
function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
