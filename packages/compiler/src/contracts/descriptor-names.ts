import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { Complaint } from './complaint.ts';
import { partComplaint, pathOf, type Types, within } from './descriptor-walk.ts';
import { isStandardMessage } from './standard-types.ts';

interface Named {
  readonly name: string;
  readonly file: FileDescriptorProto;
  readonly path: readonly number[];
  readonly isMessage?: true;
}

/** Names that no descriptor pool takes: what is no identifier, and what two elements of a contract have. */
export function nameComplaints(files: readonly FileDescriptorProto[], types: Types): Complaint[] {
  const complaints: Complaint[] = [];
  // Those of the types that every gateway adds are there in any case.
  const packages = new Map(['google', 'google.protobuf', 'google.rpc'].map((name) => [name, 'every mesh']));
  for (const file of files) {
    const parts = file.package === '' ? [] : file.package.split('.');
    for (const length of parts.keys()) packages.set(parts.slice(0, length + 1).join('.'), file.name);
    if (!parts.every(isIdentifier)) {
      complaints.push(partComplaint({ file, name: file.name, path: [] }, `"${file.package}" is not a valid package`));
    }
  }
  const taken = new Map<string, Named>();
  for (const named of names(files, types)) {
    const own = named.name.slice(named.name.lastIndexOf('.') + 1);
    const first = taken.get(named.name);
    const ofPackage = packages.get(named.name);
    if (!isIdentifier(own)) {
      complaints.push(partComplaint(named, `"${own}" is not a valid name`, 'letters, digits and "_"'));
    } else if (first) {
      const where = first.file === named.file ? 'twice in its file' : `also in ${first.file.name}`;
      complaints.push(
        partComplaint(named, `the name ${named.name} is ${where}`, 'each name once in a contract and its imports'),
      );
    } else if (!named.isMessage && isStandardMessage(named.name)) {
      complaints.push(partComplaint(named, `${named.name} is not a message`, 'the type as it is published'));
    } else if (ofPackage) {
      complaints.push(partComplaint(named, `the name ${named.name} is also a package, in ${ofPackage}`));
    }
    taken.set(named.name, named);
  }
  return complaints;
}

function* names(files: readonly FileDescriptorProto[], types: Types): Iterable<Named> {
  for (const { proto, file, name, path } of types.messages) {
    yield { name, file, path, isMessage: true };
    for (const [index, field] of proto.field.entries()) {
      yield { name: within(name, field.name), file, path: [...path, pathOf.fields, index] };
    }
    for (const [index, oneof] of proto.oneofDecl.entries()) {
      yield { name: within(name, oneof.name), file, path: [...path, pathOf.oneofs, index] };
    }
  }
  for (const { proto, file, name, scope, path } of types.enums) {
    yield { name, file, path };
    // An enum's values are its siblings, as in C++.
    for (const [index, value] of proto.value.entries()) {
      yield { name: within(scope, value.name), file, path: [...path, pathOf.values, index] };
    }
  }
  for (const file of files) {
    for (const [index, service] of file.service.entries()) {
      const name = within(file.package, service.name);
      const path = [pathOf.services, index];
      yield { name, file, path };
      for (const [at, method] of service.method.entries()) {
        yield { name: within(name, method.name), file, path: [...path, pathOf.methods, at] };
      }
    }
  }
}

function isIdentifier(text: string): boolean {
  return /^\w+$/.test(text);
}
