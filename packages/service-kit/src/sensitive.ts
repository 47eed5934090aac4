import { clone, type DescField, type DescMessage, getOption, hasOption, type MessageShape } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { field as fieldPolicy } from '@weft/contracts/weft/policy/v1/policy';

/** Whether a field's contract says that it must not be written down: (weft.policy.v1.field).sensitive. */
export function isSensitive(field: DescField): boolean {
  return hasOption(field, fieldPolicy) && getOption(field, fieldPolicy).sensitive;
}

const knownToHold = new WeakMap<DescMessage, boolean>();

/** The message with every sensitive field cleared, at any depth; the message itself where its type has none. */
export function withoutSensitive<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  if (!holdsSensitive(schema)) return message;
  const cleared = clone(schema, message);
  clearSensitive(reflect(schema, cleared));
  return cleared;
}

/** Whether the type, or one that it holds, has a sensitive field. */
function holdsSensitive(desc: DescMessage): boolean {
  const known = knownToHold.get(desc);
  if (known !== undefined) return known;
  knownToHold.set(desc, false); // Ends the recursion where a type holds itself.
  const holds = desc.fields.some((field) => isSensitive(field) || (field.message && holdsSensitive(field.message)));
  knownToHold.set(desc, holds);
  return holds;
}

function clearSensitive(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (isSensitive(field)) message.clear(field);
    else if (field.fieldKind === 'message') clearSensitive(message.get(field));
    else if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const item of message.get(field)) clearSensitive(item as ReflectMessage);
    } else if (field.fieldKind === 'map' && field.mapKind === 'message') {
      for (const item of message.get(field).values()) clearSensitive(item as ReflectMessage);
    }
  }
}
