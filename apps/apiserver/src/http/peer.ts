// The client certificate behind a request, on HTTP/1.1 and HTTP/2. TLS verified it when the connection was made, so
// it is read once per connection.
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { CertificateSubject } from "@triarch/auth";

type PeerCertificate = CertificateSubject | "untrusted" | undefined;

const subjects = new WeakMap<object, { readonly subject: PeerCertificate }>();

/** Undefined without TLS or without a certificate; "untrusted" for one that our CA did not sign for clients. */
export function certificateOf(raw: IncomingMessage): PeerCertificate {
  const session = (raw as unknown as Http2Request).stream?.session;
  const owner: object = session ?? raw.socket;
  const known = subjects.get(owner);
  if (known !== undefined) return known.subject;
  const subject = subjectOf((session?.socket ?? raw.socket) as Partial<TLSSocket>);
  subjects.set(owner, { subject });
  return subject;
}

/** The compatibility request of node:http2, seen from the side of HTTP/1.1's type. */
interface Http2Request {
  readonly stream?: { readonly session?: { readonly socket: TLSSocket } };
}

function subjectOf(socket: Partial<TLSSocket>): PeerCertificate {
  if (socket.getPeerCertificate === undefined) return undefined;
  // Without a certificate this is null or an empty object, whatever its type says.
  const shown = socket.getPeerCertificate() as { readonly subject?: Partial<Record<string, string | string[]>> } | null;
  const subject = shown?.subject;
  if (subject === undefined) return undefined;
  if (socket.authorized !== true) return "untrusted";
  return { commonName: listOf(subject["CN"])[0] ?? "", organizations: listOf(subject["O"]) };
}

function listOf(value: string | string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
