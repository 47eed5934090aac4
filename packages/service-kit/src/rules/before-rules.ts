import { type DescField, type DescMessage, getOption, type Message } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import {
  type FieldRules,
  field as fieldRules,
  Ignore,
  message as messageRules,
  type Rule,
} from '@weft/policy/buf/validate/validate';
import { isSensitive } from '../sensitive.ts';
import { ServiceError } from '../service-error.ts';
import { patternCost, type RuleCost, ruleCost, sizeOf, stepsOf } from './rule-cost.ts';

/** A rule on a size that a value breaks. */
export interface SizeViolation {
  /** Where the value is: "items[3].sku". */
  readonly path: string;
  readonly field: DescField;
  readonly ruleId: string;
  readonly description: string;
}

/** What to look at before any rule of a message runs; see checkSizes(). */
interface Plan {
  readonly rules: readonly RuleCost[];
  readonly fields: readonly FieldPlan[];
}

interface FieldPlan {
  readonly field: DescField;
  readonly rules: readonly RuleCost[];
  readonly maxItems: bigint | undefined;
  readonly maxPairs: bigint | undefined;
  readonly value: ValuePlan | undefined;
  readonly key: ValuePlan | undefined;
}

/** For a singular value, each element of a list, and each key or value of a map. */
interface ValuePlan {
  readonly rules: readonly RuleCost[];
  readonly maxLength: bigint | undefined;
  readonly maxBytes: bigint | undefined;
  readonly message: (() => Plan | undefined) | undefined;
}

const plans = new WeakMap<DescMessage, Plan>();

/**
 * Looks at all that a message's rules would look at, without running one: first whether its lists, maps and texts are within the sizes that
 * its contract allows, then what its expressions will cost. Linear in the size of the message; stops at the first that is not.
 * Throws ServiceError RESOURCE_EXHAUSTED when the rules cost more than `maxRuleCost`.
 *
 * @returns The first broken size.
 */
export function checkSizes(schema: DescMessage, message: Message, maxRuleCost: number): SizeViolation | undefined {
  const walk = new Walk(schema.typeName, maxRuleCost);
  walk.message(planOf(schema), message, '');
  return walk.violation;
}

class Walk {
  readonly #typeName: string;
  readonly #maxSteps: number;
  #steps = 0;
  violation: SizeViolation | undefined;

  constructor(typeName: string, maxSteps: number) {
    this.#typeName = typeName;
    this.#maxSteps = maxSteps;
  }

  message(plan: Plan, message: object, path: string): void {
    for (const each of plan.fields) {
      if (this.violation) return;
      const value = setValueOf(message, each.field);
      if (value !== undefined) this.#field(each, value, path === '' ? each.field.name : `${path}.${each.field.name}`);
    }
    this.#cost(plan.rules, message);
  }

  #field(plan: FieldPlan, value: unknown, path: string): void {
    const { field, maxItems, maxPairs } = plan;
    if (Array.isArray(value)) {
      if (maxItems !== undefined && value.length > maxItems) {
        this.#broken(path, field, 'repeated.max_items', `must contain no more than ${maxItems} item(s)`);
        return;
      }
      for (let i = 0; plan.value && i < value.length; i++) this.#value(plan.value, value[i], field, path, `[${i}]`);
    } else if (field.fieldKind === 'map' && isObject(value)) {
      const keys = Object.keys(value);
      if (maxPairs !== undefined && keys.length > maxPairs) {
        this.#broken(path, field, 'map.max_pairs', `map must be at most ${maxPairs} entries`);
        return;
      }
      const isSecret = isSensitive(field);
      for (const key of plan.value || plan.key ? keys : []) {
        const at = isSecret ? '' : `[${JSON.stringify(key)}]`;
        if (plan.key) this.#value(plan.key, key, field, path, at);
        if (plan.value) this.#value(plan.value, Reflect.get(value, key), field, path, at);
      }
    } else if (plan.value) this.#value(plan.value, value, field, path, '');
    this.#cost(plan.rules, value);
  }

  #value(plan: ValuePlan, value: unknown, field: DescField, path: string, at: string): void {
    if (this.violation) return;
    const { maxLength, maxBytes } = plan;
    if (typeof value === 'string') {
      if (maxLength !== undefined && isLonger(value, Number(maxLength))) {
        this.#broken(path + at, field, 'string.max_len', `must be at most ${maxLength} characters`);
        return;
      }
      if (maxBytes !== undefined && value.length * 3 > maxBytes && Buffer.byteLength(value) > maxBytes) {
        this.#broken(path + at, field, 'string.max_bytes', `must be at most ${maxBytes} bytes`);
        return;
      }
    } else if (value instanceof Uint8Array) {
      if (maxLength !== undefined && value.length > maxLength) {
        this.#broken(path + at, field, 'bytes.max_len', `must be at most ${maxLength} bytes`);
        return;
      }
    }
    const message = plan.message?.();
    if (message && isObject(value)) this.message(message, value, path + at);
    this.#cost(plan.rules, value);
  }

  /** After the sizes of what the value holds. */
  #cost(rules: readonly RuleCost[], value: unknown): void {
    if (rules.length === 0 || this.violation) return;
    const size = sizeOf(value);
    for (const rule of rules) this.#steps += stepsOf(rule, size);
    if (this.#steps > this.#maxSteps)
      throw new ServiceError(
        Code.ResourceExhausted,
        `the rules of this ${this.#typeName} take more than ${this.#maxSteps} steps`,
      );
  }

  #broken(path: string, field: DescField, ruleId: string, description: string): void {
    this.violation = { path, field, ruleId, description };
  }
}

/** More code points than `max`. */
function isLonger(text: string, max: number): boolean {
  if (text.length <= max) return false;
  if (text.length > 2 * max) return true;
  let characters = 0;
  for (const _ of text) if (++characters > max) return true;
  return false;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What is set: a field of a oneof is in the oneof. */
function setValueOf(message: object, { oneof, localName }: DescField): unknown {
  if (!oneof) return Reflect.get(message, localName);
  const held: unknown = Reflect.get(message, oneof.localName);
  return isObject(held) && Reflect.get(held, 'case') === localName ? Reflect.get(held, 'value') : undefined;
}

function planOf(schema: DescMessage): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const { cel, celExpression } = getOption(schema, messageRules);
  const fields: FieldPlan[] = [];
  const plan: Plan = { rules: costsOf({ cel, celExpression }), fields };
  plans.set(schema, plan);
  for (const field of schema.fields) {
    const fieldPlan = planField(field);
    if (fieldPlan) fields.push(fieldPlan);
  }
  return plan;
}

function planField(field: DescField): FieldPlan | undefined {
  const rules = getOption(field, fieldRules);
  const isIgnored = rules.ignore === Ignore.ALWAYS;
  const own = isIgnored ? [] : costsOf(rules);
  const repeated = rules.type.case === 'repeated' && !isIgnored ? rules.type.value : undefined;
  const map = rules.type.case === 'map' && !isIgnored ? rules.type.value : undefined;
  const maxItems = setOf(repeated, 'maxItems');
  const maxPairs = setOf(map, 'maxPairs');
  const isMany = field.fieldKind === 'list' || field.fieldKind === 'map';
  const value = planValue(
    isMany ? (repeated?.items ?? map?.values) : isIgnored ? undefined : rules,
    field.message,
    isMany,
  );
  const key = planValue(map?.keys, undefined, true);
  const hasNothing = own.length === 0 && maxItems === undefined && maxPairs === undefined && !value && !key;
  return hasNothing ? undefined : { field, rules: own, maxItems, maxPairs, value, key };
}

/** `isElement`: of a list or map, so that the expressions of `rules` are about this value and not about all of them. */
function planValue(
  rules: FieldRules | undefined,
  message: DescMessage | undefined,
  isElement: boolean,
): ValuePlan | undefined {
  const string = rules?.type.case === 'string' ? rules.type.value : undefined;
  const bytes = rules?.type.case === 'bytes' ? rules.type.value : undefined;
  const costs = isElement && rules ? costsOf(rules) : [];
  if (string?.pattern || bytes?.pattern) costs.push(patternCost);
  const maxLength = setOf(string, 'maxLen') ?? setOf(bytes, 'maxLen') ?? setOf(string, 'len') ?? setOf(bytes, 'len');
  const maxBytes = setOf(string, 'maxBytes') ?? setOf(string, 'lenBytes');
  const into = message && holdsRules(message, new Set()) ? () => planOf(message) : undefined;
  if (costs.length === 0 && maxLength === undefined && maxBytes === undefined && !into) return undefined;
  return { rules: costs, maxLength, maxBytes, message: into };
}

/** The value of a rule that is set; a rule that is not set reads as zero. */
function setOf<Rules extends object, Name extends keyof Rules>(
  rules: Rules | undefined,
  name: Name,
): Rules[Name] | undefined {
  return rules && Object.hasOwn(rules, name) ? rules[name] : undefined;
}

function costsOf({ cel, celExpression }: { cel: readonly Rule[]; celExpression: readonly string[] }): RuleCost[] {
  return [...cel.map(({ expression }) => expression), ...celExpression].map(ruleCost);
}

function holdsRules(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const { cel, celExpression } = getOption(schema, messageRules);
  if (cel.length + celExpression.length > 0) return true;
  return schema.fields.some(
    (field) =>
      getOption(field, fieldRules).type.case !== undefined ||
      getOption(field, fieldRules).cel.length > 0 ||
      getOption(field, fieldRules).celExpression.length > 0 ||
      (field.message && holdsRules(field.message, seen)),
  );
}
