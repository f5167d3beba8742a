export type SpdyFailure = {
  readonly code: "badFrame" | "badHeaders" | "frameTooLarge";
  readonly message: string;
};

/** The other end does not keep to SPDY/3.1, or to our bounds: the connection can't go on. */
export class SpdyError extends Error {
  override readonly name = "SpdyError";
  readonly failure: SpdyFailure;
  constructor(failure: SpdyFailure) {
    super(failure.message);
    this.failure = failure;
  }
}
