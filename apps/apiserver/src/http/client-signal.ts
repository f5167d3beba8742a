/** What tells that the client's side of a request is over: the answer of HTTP, or the socket of an upgrade. */
export interface ClosingSource {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
}

/**
 * "The client is gone, or the server cuts what is left", as a signal that is made when somebody asks for it: most
 * requests are over before anybody does, and a signal costs more than the rest of a small request.
 */
export class ClientSignal {
  readonly #source: ClosingSource;
  readonly #cut: AbortSignal;
  #signal: AbortSignal | undefined;

  constructor(source: ClosingSource, cut: AbortSignal) {
    this.#source = source;
    this.#cut = cut;
  }

  get(): AbortSignal {
    this.#signal ??= this.#make();
    return this.#signal;
  }

  #make(): AbortSignal {
    const gone = new AbortController();
    if (this.#source.destroyed) gone.abort();
    else this.#source.once("close", () => gone.abort());
    return AbortSignal.any([gone.signal, this.#cut]);
  }
}
