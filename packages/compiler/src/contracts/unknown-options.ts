import type { DescService } from '@bufbuild/protobuf';
import { type DescMessage, getOption, hasOption, isMessage, type Message } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import {
  FieldPolicySchema,
  field as fieldPolicy,
  MethodPolicySchema,
  method as methodPolicy,
  ServicePolicySchema,
  service as servicePolicy,
} from '@weft/policy/weft/policy/v1/policy';
import type { Complaint } from './complaint.ts';

/**
 * Finds what this version of Weft does not know in the policy of a service, of its methods and of their requests' and answers'
 * fields: an option from a later version must never be taken for absent.
 */
export function unknownOptions(service: DescService): Complaint[] {
  const found: Complaint[] = [];
  const complain = (element: Complaint['element'], unknown: readonly string[]) => {
    for (const name of unknown) {
      found.push({
        element,
        message: `${name} is unknown to this version of Weft`,
        advice: 'upgrade the control plane before the contract, or leave the option out',
      });
    }
  };
  if (hasOption(service, servicePolicy)) {
    complain(service, unknownIn(ServicePolicySchema, getOption(service, servicePolicy), '(weft.policy.v1.service)'));
  }
  // Many methods may have one large message.
  const ofFields = new Map<DescMessage, readonly string[]>();
  for (const method of service.methods) {
    if (hasOption(method, methodPolicy)) {
      complain(method, unknownIn(MethodPolicySchema, getOption(method, methodPolicy), '(weft.policy.v1.method)'));
    }
    for (const message of [method.input, method.output]) {
      const unknown = ofFields.get(message) ?? unknownOfFields(message);
      ofFields.set(message, unknown);
      complain(method, unknown);
    }
  }
  return found;
}

function unknownOfFields(message: DescMessage): string[] {
  return message.fields.flatMap((field) => {
    if (!hasOption(field, fieldPolicy)) return [];
    const unknown = unknownIn(FieldPolicySchema, getOption(field, fieldPolicy), '(weft.policy.v1.field)');
    return unknown.map((name) => `${field.parent.typeName}.${field.name}: ${name}`);
  });
}

function unknownIn(schema: DescMessage, message: Message, path: string): string[] {
  const found = (message.$unknown ?? []).map(({ no }) => `${path} field ${no}`);
  const values = reflect(schema, message);
  for (const field of schema.fields) {
    if (!values.isSet(field)) continue;
    const at = `${path}.${field.name}`;
    const value: unknown = Reflect.get(message, field.localName);
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const item of items) {
      if (field.message && isMessage(item)) found.push(...unknownIn(field.message, item, at));
      if (field.enum && typeof item === 'number' && !field.enum.value[item]) found.push(`${at} value ${item}`);
    }
  }
  return found;
}
