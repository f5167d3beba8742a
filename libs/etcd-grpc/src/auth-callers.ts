// Who makes a call, and the services in that caller's name: a service never sees the server that may do everything.
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { TLSSocket } from "node:tls";
import type { Credentials, EtcdServer } from "@triarch/etcd-server";
import type { Method } from "./grpc-server.ts";

/** Callers whose services are kept; past it the one that called longest ago has to be set up anew. */
const callersMax = 1_000;
/** No token is longer; what is gets "invalid auth token" without being kept. */
const tokenCharactersMax = 4_096;

export type Methods = ReadonlyMap<string, Method>;

/**
 * The methods of each caller. They are the same for equal credentials, so they are made once: who these stand for is
 * looked up again with every request, which is how a token ends or a user is deleted in the middle of a stream.
 */
export class Callers {
  readonly #server: EtcdServer;
  readonly #servicesOf: (server: EtcdServer) => Methods;
  readonly #known = new Map<string, Methods>();

  constructor(server: EtcdServer, servicesOf: (server: EtcdServer) => Methods) {
    this.#server = server;
    this.#servicesOf = servicesOf;
  }

  /** A promise when this member may not know the caller's token yet: it waits for that, for a bounded time. */
  methodsFor(credentials: Credentials): Methods | Promise<Methods> {
    const known = this.#server.credentialsKnown(credentials);
    return known === undefined ? this.#methodsFor(credentials) : known.then(() => this.#methodsFor(credentials));
  }

  #methodsFor(credentials: Credentials): Methods {
    const id = JSON.stringify([credentials.token, credentials.commonName]);
    const methods = this.#known.get(id) ?? this.#servicesOf(this.#server.as(credentials));
    this.#known.delete(id);
    this.#known.set(id, methods); // last used, last to go
    const [oldest] = this.#known.keys();
    if (this.#known.size > callersMax && oldest !== undefined) this.#known.delete(oldest);
    return methods;
  }
}

/** Calls that came through the JSON gateway name a token as other HTTP clients do, and no certificate stands for them. */
export function credentialsOf(stream: Pick<ServerHttp2Stream, "session">, headers: IncomingHttpHeaders): Credentials {
  const token = tokenOf(headers);
  return token === undefined ? { commonName: commonNameOf(stream.session) } : { token };
}

export function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const given = headers["token"] ?? headers["authorization"];
  const token = Array.isArray(given) ? given[0] : given;
  return token === undefined ? undefined : token.slice(0, tokenCharactersMax);
}

const commonNames = new WeakMap<Http2Session, { readonly commonName: string | undefined }>();

/** Of the certificate that the client showed; taken apart once for each connection. */
function commonNameOf(session: Http2Session | undefined): string | undefined {
  if (session === undefined) return undefined;
  const known = commonNames.get(session);
  if (known !== undefined) return known.commonName;
  const commonName = readCommonName(session);
  commonNames.set(session, { commonName });
  return commonName;
}

function readCommonName({ socket }: Http2Session): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject.CN;
  return typeof name === "string" ? name : undefined;
}
