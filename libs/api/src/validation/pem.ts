// PEM blocks in byte fields, which are base64 text in JSON, and the outermost shape of the DER inside them.
import { base64Bytes } from "../protobuf/base64.ts";
import { type DerElement, elementAt, elementsOf } from "./der.ts";

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
const requestLabel = "CERTIFICATE REQUEST";
/** The object identifier 2.5.4.10, the organization of a name. */
const organizationName = "55040a";

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
  const first = pemBlocks(field)[0];
  if (first?.label !== requestLabel) return `PEM block type must be ${requestLabel}`;
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

/** The organizations in the subject of a request for a certificate (PKCS #10); none of a field that holds none. */
export function requestedOrganizations(field: string): readonly string[] {
  const first = pemBlocks(field)[0];
  if (first?.label !== requestLabel || !isSigned(first.bytes)) return [];
  const { bytes } = first;
  const inside = ({ start, end }: DerElement): readonly DerElement[] => elementsOf(bytes, start, end);
  // A signed structure holds what is signed, which holds a version and the subject: sets of pairs of a type and a value.
  const [request] = elementsOf(bytes, 0, bytes.length).flatMap(inside);
  const subject = request === undefined ? undefined : inside(request)[1];
  const pairs = subject === undefined ? [] : inside(subject).flatMap(inside).map(inside);
  return pairs.flatMap(([type, value]) => {
    if (type === undefined || value === undefined) return [];
    const isOrganization = hexText(bytes.subarray(type.start, type.end)) === organizationName;
    return isOrganization ? [new TextDecoder().decode(bytes.subarray(value.start, value.end))] : [];
  });
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

function hexText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
