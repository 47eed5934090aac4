import type { DescFile, DescMethod, DescService } from '@bufbuild/protobuf';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/** Something in a contract that cannot be meant, and the element that says it. */
export interface Complaint {
  readonly element: DescFile | DescService | DescMethod | FilePart;
  /** The option of the element that says it: the extension's number, then numbers of fields in its message. */
  readonly option?: readonly number[];
  readonly message: string;
  readonly advice?: string;
}

/** A part of a file that nobody has understood yet: a message, a field, an enum. */
export interface FilePart {
  readonly kind: 'part';
  readonly file: FileDescriptorProto;
  /** "bakery.orders.v1.Order.order_id". */
  readonly name: string;
  /** google.protobuf.SourceCodeInfo.Location.path. */
  readonly path: readonly number[];
}

/** An element as people write it: "bakery.orders.v1.OrderService/PlaceOrder". */
export function elementName(element: Complaint['element']): string {
  switch (element.kind) {
    case 'rpc':
      return `${element.parent.typeName}/${element.name}`;
    case 'service':
      return element.typeName;
    case 'file':
      return `${element.name}.proto`;
    case 'part':
      return element.name;
  }
}
