import { type DescField, type DescMessage, getOption, hasOption, type MessageShape } from '@bufbuild/protobuf';
import { type Path, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { Code } from '@connectrpc/connect';
import {
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from '@weft/contracts/buf/validate/validate';
import { BadRequestSchema } from '@weft/contracts/google/rpc/error_details';
import { field as fieldPolicy } from '@weft/contracts/weft/policy/v1/policy';
import { ServiceError } from './service-error.ts';

/** One message can break rules a thousand times; the answer stays small. */
const maxViolations = 32;
const maxNamedInMessage = 3;

/** Throws what is wrong with a message, if anything. */
export type Validate<Desc extends DescMessage> = (message: MessageShape<Desc>) => void;

const validator = createValidator();

/**
 * Checks messages against the buf.validate rules of their contract. A violation is INVALID_ARGUMENT with a
 * google.rpc.BadRequest that names the fields; no value of a sensitive field is in it. Undefined for a message without rules.
 */
export function validation<Desc extends DescMessage>(schema: Desc): Validate<Desc> | undefined {
  if (!hasRules(schema, new Set())) return undefined;
  return (message) => {
    const result = validator.validate(schema, message);
    if (result.kind === 'valid') return;
    if (result.kind === 'error')
      throw new ServiceError(Code.Internal, `the rules of ${schema.typeName} are broken`, { cause: result.error });
    throw invalid(schema, message, result.violations);
  };
}

function invalid<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, violations: Violation[]) {
  const root = reflect(schema, message);
  const fieldViolations = violations.slice(0, maxViolations).map((violation) => ({
    field: pathToString(violation.field),
    description: describe(root, violation),
  }));
  const named = fieldViolations
    .slice(0, maxNamedInMessage)
    .map(({ field, description }) => (field ? `${field}: ${description}` : description));
  const more = violations.length - named.length;
  const text = `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  return new ServiceError(Code.InvalidArgument, text, {
    details: [{ desc: BadRequestSchema, value: { fieldViolations } }],
  });
}

function describe(root: ReflectMessage, { field, message, ruleId }: Violation): string {
  // A rule's message is the contract's own text, but an expression can put the value into it.
  if (field.some((element) => element.kind === 'field' && isSensitive(element))) return `does not hold ${ruleId}`;
  const value = numberAt(root, field);
  return value === undefined ? message : `${message}, not ${value}`;
}

function isSensitive(field: DescField): boolean {
  return getOption(field, fieldPolicy).sensitive;
}

/** The number that a path leads to. Only numbers are shown: text may be personal, and long. */
function numberAt(root: ReflectMessage, path: Path): number | bigint | undefined {
  let message = root;
  for (let i = 0; i < path.length; i++) {
    const element = path[i];
    if (element?.kind !== 'field') return undefined;
    if (element.fieldKind === 'scalar' && i === path.length - 1) {
      const value: unknown = message.get(element);
      return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
    }
    if (element.fieldKind === 'message') {
      message = message.get(element);
      continue;
    }
    const sub = path[++i];
    if (element.fieldKind !== 'list' || element.listKind !== 'message' || sub?.kind !== 'list_sub') return undefined;
    const item = message.get(element).get(sub.index);
    if (typeof item !== 'object' || item === null || !('get' in item)) return undefined;
    message = item as ReflectMessage; // listKind says so, but the type of get() does not.
  }
  return undefined;
}

/** Whether a message, or one within it, has rules. Most responses and some requests have none, and are not walked at all. */
function hasRules(schema: DescMessage, seen: Set<string>): boolean {
  if (seen.has(schema.typeName)) return false;
  seen.add(schema.typeName);
  return (
    hasOption(schema, messageRules) ||
    schema.oneofs.some((oneof) => hasOption(oneof, oneofRules)) ||
    schema.fields.some((field) => hasOption(field, fieldRules) || (field.message && hasRules(field.message, seen)))
  );
}
