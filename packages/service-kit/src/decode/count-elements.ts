import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import type { Limits } from '../grpc/limits.ts';
import { GrpcError, grpcCode } from '../grpc/status.ts';

/** What a scan knows of one field. */
interface FieldShape {
  readonly wireType: WireType;
  /** Bytes of each number when packed; 0: a varint; undefined: cannot be packed. */
  readonly packed?: number;
  readonly message?: () => MessageShape;
}

/** What a scan knows of a message, by field number. */
type MessageShape = ReadonlyMap<number, FieldShape>;

/** An element takes at least a tag and a value of one byte each, or eight packed bytes. */
const minElementBytes = 2;

/** So many packed numbers count as one element: they are numbers in an array and no objects. */
const packedPerElement = 8;

/**
 * Refuses a message in the wire format with more elements, or deeper, than `limits` allow, before anything is made of it: one scan that
 * stops at the limit. Messages too short to have so many are not scanned; their depth is the decoder's to check.
 * Throws GrpcError: RESOURCE_EXHAUSTED, or INVALID_ARGUMENT for bytes that are not such a message.
 */
export function limitElements(
  schema: DescMessage,
  bytes: Uint8Array,
  limits: Pick<Limits, 'maxElements' | 'maxDepth'>,
): void {
  if (bytes.length < limits.maxElements * minElementBytes) return;
  new Scan(schema.typeName, bytes, limits).message(shapeOf(schema), bytes.length, limits.maxDepth);
}

class Scan {
  readonly #typeName: string;
  readonly #bytes: Uint8Array;
  readonly #maxElements: number;
  #left: number;
  #at = 0;

  constructor(typeName: string, bytes: Uint8Array, { maxElements }: Pick<Limits, 'maxElements'>) {
    this.#typeName = typeName;
    this.#bytes = bytes;
    this.#maxElements = maxElements;
    this.#left = maxElements;
  }

  /** Reads fields up to `end`, or up to the end of the group `group`. An unknown group has no `shape`. */
  message(shape: MessageShape | undefined, end: number, depth: number, group?: number): void {
    if (depth <= 0) throw this.#malformed('is nested too deep');
    while (this.#at < end) {
      const tag = this.#varint();
      const number = tag >>> 3;
      const wireType: WireType = tag & 7;
      if (number === 0) throw this.#malformed('has a field with the number 0');
      if (wireType === WireType.EndGroup) {
        if (number !== group) throw this.#malformed('ends a group that has not begun');
        return;
      }
      this.#count(1);
      this.#field(shape?.get(number), number, wireType, end, depth);
      if (this.#at > end) throw this.#malformed('has a field that ends after its message');
    }
    if (group !== undefined) throw this.#malformed('has a group without its end');
  }

  #field(field: FieldShape | undefined, number: number, wireType: WireType, end: number, depth: number): void {
    const isPacked = wireType === WireType.LengthDelimited && field?.packed !== undefined;
    if (field && field.wireType !== wireType && !isPacked)
      throw this.#malformed(`has field ${number} with the wire type ${wireType}`);
    switch (wireType) {
      case WireType.Varint:
        this.#varint();
        return;
      case WireType.Bit64:
        this.#at += 8;
        return;
      case WireType.Bit32:
        this.#at += 4;
        return;
      case WireType.StartGroup:
        this.message(field?.message?.(), end, depth - 1, number);
        return;
      case WireType.LengthDelimited: {
        const length = this.#varint();
        const fieldEnd = this.#at + length;
        if (fieldEnd > end) throw this.#malformed('has a field that ends after its message');
        if (field?.message) this.message(field.message(), fieldEnd, depth - 1);
        else if (isPacked) this.#countPacked(field.packed, fieldEnd);
        this.#at = fieldEnd;
        return;
      }
      default:
        throw this.#malformed(`has a field with the wire type ${wireType}`);
    }
  }

  #countPacked(elementBytes: number | undefined, end: number): void {
    let numbers = 0;
    if (elementBytes) numbers = (end - this.#at) / elementBytes;
    else for (let at = this.#at; at < end; at++) if ((this.#bytes[at] ?? 0) < 0x80) numbers++;
    this.#count(Math.floor(numbers / packedPerElement));
  }

  #count(elements: number): void {
    this.#left -= elements;
    if (this.#left < 0)
      throw new GrpcError(
        grpcCode.resourceExhausted,
        `a ${this.#typeName} must have at most ${this.#maxElements} fields and elements`,
      );
  }

  /** A varint's lower 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.#malformed('has a number without an end');
  }

  #malformed(what: string): GrpcError {
    return new GrpcError(grpcCode.invalidArgument, `the request is not a ${this.#typeName}: it ${what}`);
  }
}

const shapes = new WeakMap<DescMessage, MessageShape>();

function shapeOf(schema: DescMessage): MessageShape {
  let shape = shapes.get(schema);
  if (!shape) {
    shape = new Map(schema.fields.map((field) => [field.number, fieldShape(field)]));
    shapes.set(schema, shape);
  }
  return shape;
}

function fieldShape(field: DescField): FieldShape {
  switch (field.fieldKind) {
    case 'message':
      return messageShape(field.message, field.delimitedEncoding);
    case 'map': {
      const value: FieldShape =
        field.mapKind === 'message'
          ? messageShape(field.message, false)
          : scalarShape(field.scalar ?? ScalarType.INT32);
      const entry: MessageShape = new Map([
        [1, scalarShape(field.mapKey)],
        [2, value],
      ]);
      return { wireType: WireType.LengthDelimited, message: () => entry };
    }
    case 'list': {
      if (field.listKind === 'message') return messageShape(field.message, field.delimitedEncoding);
      const { wireType } = scalarShape(field.scalar ?? ScalarType.INT32);
      const packed = { [WireType.Varint]: 0, [WireType.Bit32]: 4, [WireType.Bit64]: 8 }[Number(wireType)];
      return packed === undefined ? { wireType } : { wireType, packed };
    }
    default:
      return scalarShape(field.scalar ?? ScalarType.INT32);
  }
}

function messageShape(schema: DescMessage, isGroup: boolean): FieldShape {
  return { wireType: isGroup ? WireType.StartGroup : WireType.LengthDelimited, message: () => shapeOf(schema) };
}

function scalarShape(type: ScalarType): FieldShape {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return { wireType: WireType.LengthDelimited };
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { wireType: WireType.Bit64 };
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return { wireType: WireType.Bit32 };
    default:
      return { wireType: WireType.Varint };
  }
}
