import { memberIdText } from "./member-ids.ts";

/** The answer to the request that removed this member should still get out. */
const graceMs = 500;

/** Ends a member that was removed from the cluster, whether its log or its peers say so. */
export class Removal {
  readonly #memberId: bigint;
  readonly #end: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param options.end must end the process; called once */
  constructor(options: { readonly memberId: bigint; readonly end: (error: Error) => void }) {
    this.#memberId = options.memberId;
    this.#end = options.end;
  }

  /** @param how it became known */
  noticed(how: string): void {
    if (this.#closed || this.#timer !== undefined) return;
    const text =
      `member ${memberIdText(this.#memberId)} was removed from the cluster (${how}) and serves no more; ` +
      "delete its data directory, and add it as a new member if it is still wanted";
    this.#timer = setTimeout(() => this.#end(new Error(text)), graceMs);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
