import type { DescService } from '@bufbuild/protobuf';

/** The logical service that offers `service`: its proto package without the version. "bakery.orders" for bakery.orders.v1.OrderService. */
export function logicalName(service: DescService): string {
  return service.file.proto.package.replace(/\.v\d+((alpha|beta)\d*)?$/, '');
}
