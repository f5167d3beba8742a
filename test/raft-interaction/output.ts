/** What one command prints. Level "none" swallows everything but the error that ends a command. */
export class Output {
  #text = "";
  /** True: log level "none". */
  quiet = false;

  reset(): void {
    this.#text = "";
  }

  get text(): string {
    return this.#text;
  }

  write(text: string): void {
    if (!this.quiet) this.#text += text;
  }

  /** Two spaces before each line that `body` prints. */
  indented(body: () => void): void {
    const outer = this.#text;
    this.#text = "";
    body();
    const lines = this.#text.replace(/\n$/, "");
    this.#text = outer + (lines === "" ? "" : `${lines.replace(/^/gm, "  ")}\n`);
  }
}
