import { fromBinary, isMessage, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/** A number from 0 up to a bound, the same ones for the same seed. */
export type Chance = (below: number) => number;

/** Numbers by a linear congruential generator (Numerical Recipes). */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A descriptor set in which some values of the last file are others: what no tool makes, but somebody may publish. */
export function mutatedContract(descriptorSet: Uint8Array, chance: Chance, changes = 1 + chance(3)): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const file = set.file.at(-1);
  if (file === undefined) return descriptorSet;
  for (let change = 0; change < changes; change++) mutate(file, chance);
  return toBinary(FileDescriptorSetSchema, set);
}

function mutate(file: FileDescriptorProto, chance: Chance): void {
  const places: { readonly holder: object; readonly key: string }[] = [];
  const texts = new Set<string>();
  const visit = (holder: object) => {
    for (const [key, value] of Object.entries(holder)) {
      if (key.startsWith('$')) continue;
      places.push({ holder, key });
      if (typeof value === 'string') texts.add(value);
      for (const item of Array.isArray(value) ? value : [value]) if (isMessage(item)) visit(item);
    }
  };
  visit(file);
  const place = places[chance(places.length)];
  if (place === undefined) return;
  const { holder, key } = place;
  const value: unknown = Reflect.get(holder, key);
  Reflect.set(holder, key, changed(value, [...texts], chance));
}

const numbers = [-1, 0, 1, 2, 3, 8, 9, 10, 11, 14, 18, 19, 1000, 19_000, 2 ** 29 - 1, 2 ** 29, 2 ** 31 - 1];
const words = ['', 'x', 'X', 'a_b', 'aB', '1', '.', '.x', 'x.y', 'é', 'name', 'KIND', 'proto2', 'proto3', 'editions'];

function changed(value: unknown, texts: readonly string[], chance: Chance): unknown {
  const oneOf = <T>(items: readonly T[]) => items[chance(items.length)];
  if (typeof value === 'string') return oneOf(chance(2) === 0 ? words : texts);
  if (typeof value === 'number') return oneOf(numbers);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) {
    const items: unknown[] = [...value];
    if (items.length === 0) return items;
    const at = chance(items.length);
    const kind = chance(3);
    if (kind === 0) items.splice(at, 1);
    else if (kind === 1) items.push(items[at]);
    else items.reverse();
    return items;
  }
  return value;
}
