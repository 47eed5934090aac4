import type { Complaint } from './complaint.ts';

// Field numbers of google/protobuf/descriptor.proto, of which SourceCodeInfo's paths are made.
const servicesOfFile = 6;
const methodsOfService = 2;

/** Where an element stands in its .proto file: "shop/orders/v1/orders.proto:12", without the line when the set has no source info. */
export function sourceLine(element: Complaint['element']): string {
  const file = element.kind === 'file' ? element : element.kind === 'rpc' ? element.parent.file : element.file;
  const path = `${file.name}.proto`;
  const wanted = pathOf(element).join('.');
  const location = file.proto.sourceCodeInfo?.location.find((candidate) => candidate.path.join('.') === wanted);
  const line = location?.span[0];
  return line === undefined || wanted === '' ? path : `${path}:${line + 1}`;
}

function pathOf(element: Complaint['element']): number[] {
  switch (element.kind) {
    case 'file':
      return [];
    case 'service':
      return [servicesOfFile, element.file.services.indexOf(element)];
    case 'rpc':
      return [...pathOf(element.parent), methodsOfService, element.parent.methods.indexOf(element)];
  }
}
