import { type DescMessage, hasOption, type MessageShape } from '@bufbuild/protobuf';
import { type Path, pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { createValidator, RuntimeError, type Violation } from '@bufbuild/protovalidate';
import { Code } from '@connectrpc/connect';
import { field as fieldRules, message as messageRules, oneof as oneofRules } from '@weft/policy/buf/validate/validate';
import { BadRequestSchema } from '@weft/policy/google/rpc/error_details';
import type { Limits } from '../grpc/limits.ts';
import { logger } from '../log/logger.ts';
import { isSensitive } from '../sensitive.ts';
import { ServiceError } from '../service-error.ts';
import { checkSizes, type SizeViolation } from './before-rules.ts';
import { sizeOf } from './rule-cost.ts';

/** One message can break rules a thousand times; the answer stays small. */
const maxViolations = 32;
const maxNamedInMessage = 3;

/** A map's key is part of a path, and can be long. */
const maxTextLength = 200;

/** All that is wrong is looked for in messages of so many elements; above, the first violation is the answer. */
const maxThoroughElements = 256;

/** Throws what is wrong with a message, if anything. */
export type Validate<Desc extends DescMessage> = (message: MessageShape<Desc>) => void;

const thorough = createValidator({ legacyRequired: true });
const untilFirst = createValidator({ legacyRequired: true, failFast: true });

/**
 * Checks messages against the buf.validate rules of their contract, and for fields that proto2 requires. Sizes come first, then the cost of
 * the rules, then the rules. A violation is INVALID_ARGUMENT with a google.rpc.BadRequest that names the fields; no value of a sensitive
 * field is in it. Rules that cost more than `maxRuleCost` are RESOURCE_EXHAUSTED. Undefined for a message without rules.
 */
export function validation<Desc extends DescMessage>(
  schema: Desc,
  { maxRuleCost }: Pick<Limits, 'maxRuleCost'>,
): Validate<Desc> | undefined {
  if (!hasRules(schema, new Set())) return undefined;
  return (message) => {
    const broken = checkSizes(schema, message, maxRuleCost);
    if (broken) throw invalidSize(broken);
    const isSmall = sizeOf(message).elements <= maxThoroughElements;
    const result = (isSmall ? thorough : untilFirst).validate(schema, message);
    if (result.kind === 'valid') return;
    if (result.kind === 'invalid') throw invalid(schema, message, result.violations, !isSmall);
    // A rule that cannot be read is this service's fault; one that cannot be evaluated, as a division by zero, is the message's.
    if (result.error instanceof RuntimeError) {
      logger().warn({ err: result.error, message: schema.typeName }, 'a rule could not be evaluated');
      throw new ServiceError(
        Code.InvalidArgument,
        `the rules of ${schema.typeName} cannot be evaluated for the request`,
        {
          cause: result.error,
        },
      );
    }
    throw new ServiceError(Code.Internal, `the rules of ${schema.typeName} are broken`, { cause: result.error });
  };
}

function invalidSize({ path, field, ruleId, description }: SizeViolation): ServiceError {
  const violation = {
    field: cut(path),
    description: isSensitive(field) ? `does not hold ${ruleId}` : description,
  };
  return new ServiceError(Code.InvalidArgument, `${violation.field}: ${violation.description}`, {
    details: [{ desc: BadRequestSchema, value: { fieldViolations: [violation] } }],
  });
}

function invalid<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  violations: Violation[],
  isFirstOfMany: boolean,
) {
  const root = reflect(schema, message);
  const fieldViolations = violations.slice(0, maxViolations).map((violation) => ({
    field: cut(pathToString(upToSensitive(violation.field))),
    description: cut(describe(root, violation)),
  }));
  const named = fieldViolations
    .slice(0, maxNamedInMessage)
    .map(({ field, description }) => (field ? `${field}: ${description}` : description));
  const more = violations.length - named.length;
  const rest = isFirstOfMany ? '; nothing after it was checked' : more > 0 ? `; and ${more} more` : '';
  const text = `${named.join('; ')}${rest}`;
  return new ServiceError(Code.InvalidArgument, text, {
    details: [{ desc: BadRequestSchema, value: { fieldViolations } }],
  });
}

function describe(root: ReflectMessage, { field, message, ruleId }: Violation): string {
  // A rule's message is the contract's own text, but an expression can put the value into it.
  if (field.some((element) => element.kind === 'field' && isSensitive(element))) return `does not hold ${ruleId}`;
  if (ruleId === 'required' || ruleId === 'legacy_required') return message;
  const value = numberAt(root, field);
  return value === undefined ? message : `${message}, not ${value}`;
}

/** A key of a sensitive map is as sensitive as its value. */
function upToSensitive(path: Path): Path {
  const index = path.findIndex((element) => element.kind === 'field' && isSensitive(element));
  return index < 0 ? path : path.slice(0, index + 1);
}

function cut(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}...`;
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
    schema.fields.some(
      (field) =>
        hasOption(field, fieldRules) ||
        field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED ||
        (field.message && hasRules(field.message, seen)),
    )
  );
}
