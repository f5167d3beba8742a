// PEM blocks in byte fields, which are base64 text in JSON, and the outermost shape of the DER inside them.
import { base64Bytes } from "../protobuf/base64.ts";

export interface PemBlock {
  /** `CERTIFICATE`, `CERTIFICATE REQUEST`, … */
  readonly label: string;
  /** Lines like `Proc-Type: …` before the content. */
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array;
}

const blockPattern = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n((?:[A-Za-z-]+: .*\r?\n)*)([A-Za-z0-9+/=\s]*?)-----END \1-----/g;
const sequenceTag = 0x30;
const bitStringTag = 0x03;

/** The blocks of a byte field; none in text that has none. @param field base64, as the field stands in JSON */
export function pemBlocks(field: string): readonly PemBlock[] {
  const text = new TextDecoder("latin1").decode(base64Bytes(field));
  return [...text.matchAll(blockPattern)].flatMap(([, label = "", headers = "", body = ""]) => {
    const bytes = bytesOf(body);
    return bytes === undefined ? [] : [{ label, hasHeaders: headers !== "", bytes }];
  });
}

/** What keeps a byte field from being a request for a certificate, as a sentence. */
export function requestProblem(field: string): string | undefined {
  const label = "CERTIFICATE REQUEST";
  const first = pemBlocks(field)[0];
  if (first?.label !== label) return `PEM block type must be ${label}`;
  return isSigned(first.bytes) ? undefined : "asn1: structure error: not a signed structure";
}

/** What keeps a byte field from being one certificate or more and nothing else, as a sentence. */
export function certificatesProblem(field: string): string | undefined {
  const blocks = pemBlocks(field);
  for (const { label, hasHeaders, bytes } of blocks) {
    if (label !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(label)}`;
    if (hasHeaders) return "no PEM block headers are permitted";
    if (bytes.length === 0) return "found CERTIFICATE PEM block containing 0 certificates";
    if (!isSigned(bytes)) return "x509: malformed certificate";
  }
  return blocks.length === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

function bytesOf(body: string): Uint8Array | undefined {
  try {
    return base64Bytes(body.replace(/\s/g, ""));
  } catch {
    return undefined;
  }
}

/** X.509's outermost form: a sequence of what is signed, the algorithm and the signature, and nothing after it. */
function isSigned(bytes: Uint8Array): boolean {
  const outer = elementAt(bytes, 0);
  if (outer?.tag !== sequenceTag || outer.end !== bytes.length) return false;
  const [content, algorithm, signature] = elementsOf(bytes, outer.start, outer.end);
  const inOrder = content?.tag === sequenceTag && algorithm?.tag === sequenceTag && signature?.tag === bitStringTag;
  return inOrder && signature.end === outer.end;
}

interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

function elementsOf(bytes: Uint8Array, start: number, end: number): readonly DerElement[] {
  const found: DerElement[] = [];
  for (let at = start; at < end;) {
    const element = elementAt(bytes, at);
    if (element === undefined) break;
    found.push(element);
    at = element.end;
  }
  return found;
}

/** The element whose tag stands at `at`, or `undefined` where none fits into the bytes. */
function elementAt(bytes: Uint8Array, at: number): DerElement | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  let [start, length] = [at + 2, first];
  if (first >= 0x80) {
    const count = first - 0x80;
    if (count === 0 || count > 4) return undefined;
    length = bytes.subarray(start, start + count).reduce((sum, byte) => sum * 256 + byte, 0);
    start += count;
  }
  return start + length > bytes.length ? undefined : { tag, start, end: start + length };
}
