import { create, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { StatusSchema } from '@weft/policy/google/rpc/status';
import { traceIdHeader } from '../trace-id.ts';
import { headerBytes, isMeshOnly, type Metadata, maxMetadataEntries } from './metadata.ts';
import type { GrpcStatus } from './status.ts';

/** A status in the forms in which it is sent. */
export interface SentStatus {
  readonly code: number;
  readonly message: string;
  /** `message` for grpc-message. */
  readonly encodedMessage: string;
  readonly details: readonly Any[];
  readonly trailers: Metadata;
}

/** What a message, and the details with it, may at least take of the limit when not all fits. */
const messageShare = 1 / 4;
const detailsShare = 1 / 2;

/** For the words that say what was cut. */
const noticeBytes = 120;

/**
 * Makes a status fit into `maxBytes` of headers, with at most `maxEntries` entries of metadata (default: 64). When it does not, its message is cut to a fourth of that, details are kept in their order
 * while they take at most half, then metadata while there is room; the message says what was cut. The code always stays.
 */
export function fitStatus(status: GrpcStatus, maxBytes: number, maxEntries = maxMetadataEntries): SentStatus {
  const { code, message = '', details = [], trailers = {} } = status;
  const packed = details.map((detail) =>
    'desc' in detail ? anyPack(detail.desc, create(detail.desc, detail.value)) : detail,
  );
  const metadata: Metadata = {};
  for (const [name, value] of Object.entries(trailers)) metadata[name] = typeof value === 'string' ? value : [...value];
  const encodedMessage = percentEncode(message);
  const whole = { code, message, encodedMessage, details: packed, trailers: metadata };
  const fits = bytesOf(whole) <= maxBytes && entriesOf(metadata) <= maxEntries;
  return fits ? whole : cutStatus(whole, maxBytes, maxEntries);
}

function cutStatus(whole: SentStatus, maxBytes: number, maxEntries: number): SentStatus {
  const cuts: string[] = [];
  const message = cutText(whole.message, Math.floor(maxBytes * messageShare) - noticeBytes);
  if (message.length < whole.message.length) cuts.push(`the message, of ${Buffer.byteLength(whole.message)} bytes`);

  const details: Any[] = [];
  let left = maxBytes * detailsShare - base64Bytes(Buffer.byteLength(message) + noticeBytes);
  for (const detail of whole.details) {
    left -= base64Bytes(toBinary(AnySchema, detail).length + 8);
    if (left < 0) break;
    details.push(detail);
  }
  const lostDetails = whole.details.length - details.length;
  if (lostDetails > 0) cuts.push(`${lostDetails} of ${whole.details.length} details`);

  const entries = Object.entries(whole.trailers).sort(([a], [b]) => Number(stays(b)) - Number(stays(a)));
  const trailers: Metadata = {};
  let lostEntries = 0;
  let entriesLeft = maxEntries;
  let room = maxBytes - bytesOf({ ...whole, ...texts(message, []), details, trailers }) - 2 * noticeBytes;
  for (const [name, value] of entries) {
    const bytes = headerBytes(name, value);
    const count = [value].flat().length;
    if (bytes > room || (count > entriesLeft && !stays(name))) {
      lostEntries++;
      continue;
    }
    room -= bytes;
    entriesLeft -= count;
    trailers[name] = value;
  }
  if (lostEntries > 0) cuts.push(`${lostEntries} of ${entries.length} metadata entries`);
  return { code: whole.code, ...texts(message, cuts), details, trailers };
}

/** What the sidecars read, and what finds the call in the logs, stays whatever else there is. */
function stays(name: string): boolean {
  return isMeshOnly(name) || name === traceIdHeader;
}

/** Each value of a name is a header. */
function entriesOf(metadata: Metadata): number {
  return Object.values(metadata).flat().length;
}

function texts(text: string, cuts: readonly string[]): Pick<SentStatus, 'message' | 'encodedMessage'> {
  const message = cuts.length === 0 ? text : `${text} [cut to fit: ${cuts.join(', ')}]`;
  return { message, encodedMessage: percentEncode(message) };
}

function bytesOf({ code, message, encodedMessage, details, trailers }: SentStatus): number {
  let bytes = headerBytes('grpc-status', String(code)) + headerBytes('grpc-message', encodedMessage);
  if (details.length > 0) {
    const length = details.reduce((sum, { typeUrl, value }) => sum + typeUrl.length + value.length + 16, 0);
    bytes += headerBytes('grpc-status-details-bin', '') + base64Bytes(length + Buffer.byteLength(message) + 16);
  }
  for (const [name, value] of Object.entries(trailers)) bytes += headerBytes(name, value);
  return bytes;
}

function base64Bytes(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

/** As much of a text as takes `maxBytes` when it is percent-encoded. */
function cutText(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += percentEncode(character).length;
    if (bytes > maxBytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** The value of grpc-status-details-bin. */
export function encodeDetails({ code, message, details }: SentStatus): string {
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message, details: [...details] }));
  // The specification lets senders leave the padding out, and the large implementations do.
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** Encodes grpc-message: UTF-8, with all but printable ASCII, and the percent sign, as %XX. */
export function percentEncode(message: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  const parts: string[] = [];
  for (const byte of Buffer.from(message, 'utf8')) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    parts.push(printable ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
  }
  return parts.join('');
}
