// The connections of one server that became tunnels: each is asked for like any other request, and answered with an
// upgrade or with an ordinary document. They belong to no drain: a tunnel can't move, so a stop cuts it.
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { internalError, tooManyRequests } from "@triarch/api";
import type { Logger } from "@triarch/telemetry";
import { type TunnelEnd, tunnelsMax } from "../tunnel/tunnel.ts";
import { statusAnswer } from "./answer.ts";
import { warningHeader } from "./app.ts";
import { ClientSignal } from "./client-signal.ts";
import type { Handle } from "./http-server.ts";
import { certificateOf } from "./peer.ts";
import { writeDocument, writeSwitching } from "./upgrades.ts";

export interface TunnelsOptions {
  readonly handle: Handle;
  readonly logger: Logger;
  /** Aborted when the server cuts what is left. */
  readonly cut: AbortSignal;
  /** Default: `tunnelsMax`. */
  readonly openMax?: number;
}

export class Tunnels {
  readonly #options: TunnelsOptions;
  #open = 0;

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  take(request: IncomingMessage, client: TunnelEnd): void {
    const { socket } = client;
    if (this.#open >= (this.#options.openMax ?? tunnelsMax)) {
      return writeDocument(socket, statusAnswer(tooManyRequests("too many tunnels, please try again later")));
    }
    this.#open += 1;
    socket.once("close", () => (this.#open -= 1));
    this.#answer(request, client).catch((error: unknown) => {
      this.#options.logger.error({ url: request.url, error: String(error) }, "a tunnel could not be made");
      if (!socket.destroyed) writeDocument(socket, statusAnswer(internalError("the tunnel could not be made")));
    });
  }

  async #answer(request: IncomingMessage, client: TunnelEnd): Promise<void> {
    const { socket } = client;
    const { handle, cut, logger } = this.#options;
    const signal = new ClientSignal(socket, cut);
    const id = randomUUID();
    const { answer, warnings } = await handle({
      id,
      method: request.method ?? "GET",
      url: request.url ?? "/",
      headers: request.headers,
      body: new Uint8Array(0),
      bodyStream: undefined,
      upgrade: request.headers.upgrade ?? "",
      certificate: certificateOf(request),
      signal: () => signal.get(),
    });
    const headers = { "audit-id": id, ...(warnings.length === 0 ? {} : { warning: warnings.map(warningHeader) }) };
    switch (answer.kind) {
      case "document":
        return writeDocument(socket, { ...answer, headers: { ...headers, ...answer.headers } });
      case "upgrade":
        if (socket.destroyed) return answer.giveUp();
        writeSwitching(socket, answer);
        return answer.run(client, cut);
      case "stream":
        logger.error({ url: request.url }, "a tunnel's path answered with a stream");
        socket.destroy();
    }
  }
}
