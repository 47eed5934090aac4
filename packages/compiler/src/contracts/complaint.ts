import type { DescFile, DescMethod, DescService } from '@bufbuild/protobuf';

/** Something in a contract that cannot be meant, and the element that says it. */
export interface Complaint {
  readonly element: DescFile | DescService | DescMethod;
  readonly message: string;
  readonly advice?: string;
}

/** An element as people write it: "shop.orders.v1.OrderService/PlaceOrder". */
export function elementName(element: Complaint['element']): string {
  switch (element.kind) {
    case 'rpc':
      return `${element.parent.typeName}/${element.name}`;
    case 'service':
      return element.typeName;
    case 'file':
      return `${element.name}.proto`;
  }
}
