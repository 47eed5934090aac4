import type { FileRegistry } from '@bufbuild/protobuf';
import { maxContractBytes } from '../model/quotas.ts';
import type { Complaint } from './complaint.ts';
import { descriptorComplaints } from './descriptor-check.ts';
import { filesOf, openDescriptorSet } from './descriptor-set.ts';

/** A descriptor set that can be used, or why it cannot. */
export type OpenedContract =
  | { readonly registry: FileRegistry; readonly error?: undefined; readonly complaints?: undefined }
  | { readonly registry?: undefined; readonly error: Error; readonly complaints?: undefined }
  | { readonly registry?: undefined; readonly error?: undefined; readonly complaints: readonly Complaint[] };

/** Reads a descriptor set that nobody has looked at yet: what Envoy could not take is named before anything else is read of it. */
export function openContract(descriptorSet: Uint8Array): OpenedContract {
  if (descriptorSet.length > maxContractBytes) {
    return { error: new Error(`it has ${descriptorSet.length} bytes; at most ${maxContractBytes} are read`) };
  }
  try {
    const complaints = descriptorComplaints(filesOf(descriptorSet));
    return complaints.length > 0 ? { complaints } : { registry: openDescriptorSet(descriptorSet) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}
