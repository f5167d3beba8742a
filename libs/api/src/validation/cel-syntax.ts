// Whether a text is an expression of CEL (the Common Expression Language), by its grammar alone: types and names of
// variables are not looked at. A recursive descent with one token of look-ahead; it builds no tree.
// Source: the language's specification (cel-spec, langdef.md), with the optional `.?` and `[?` that Kubernetes enables.

/** Deeper nesting is refused: the parser recurses. */
const nestingMax = 250;

const reserved: ReadonlySet<string> = new Set(
  "as break const continue else for function if import let loop package namespace return var void while".split(" "),
);
const literalWords: ReadonlySet<string> = new Set(["true", "false", "null"]);
const relations: ReadonlySet<string> = new Set(["<", "<=", ">=", ">", "==", "!=", "in"]);
const sums: ReadonlySet<string> = new Set(["+", "-"]);
const products: ReadonlySet<string> = new Set(["*", "/", "%"]);

const space = /(?:\s|\/\/[^\n]*)*/y;
const tokenPattern = new RegExp(
  [
    String.raw`(?<string>[rR][bB]?|[bB][rR]?)?(?:"""(?:[^\\]|\\[^])*?"""|'''(?:[^\\]|\\[^])*?'''|"(?:[^"\\\r\n]|\\[^])*"|'(?:[^'\\\r\n]|\\[^])*')`,
    String.raw`(?<number>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+u?|\d+[uU]?)`,
    "(?<quoted>`[A-Za-z0-9_.\\-/ ]+`)",
    "(?<word>[A-Za-z_][A-Za-z0-9_]*)",
    String.raw`(?<sign><=|>=|==|!=|&&|\|\||[<>!?:.,+\-*/%()[\]{}])`,
  ].join("|"),
  "y",
);

interface Token {
  readonly kind: "literal" | "quoted" | "word" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

/** What is wrong with `expression` as `ERROR: <input>:line:column: Syntax error: …`, or `undefined`. Cost: O(length). */
export function celProblem(expression: string): string | undefined {
  try {
    new Parser(expression).parse();
    return undefined;
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    const before = expression.slice(0, error.at).split("\n");
    const where = `${before.length}:${expression === "" ? 0 : (before.at(-1)?.length ?? 0) + 1}`;
    return `ERROR: <input>:${where}: Syntax error: ${error.message}`;
  }
}

/** May a variable be called so? */
export function isCelIdentifier(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && text !== "in" && !literalWords.has(text) && !reserved.has(text);
}

/**
 * The members that `expression` takes of the variable `name`, methods left out: `a` and `b` of `x.a + f(x.b) + x.c()`.
 * It must be CEL.
 */
export function celMembers(expression: string, name: string): readonly string[] {
  const texts = new Parser(expression).parse();
  return texts.flatMap((text, i) => {
    const member = texts[i + 2];
    const isRoot = text === name && texts[i - 1] !== "." && texts[i + 1] === ".";
    return isRoot && member !== undefined && texts[i + 3] !== "(" ? [member] : [];
  });
}

class CelSyntaxError extends Error {
  override readonly name = "CelSyntaxError";
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

class Parser {
  readonly #text: string;
  #position = 0;
  #token: Token;
  #depth = 0;
  readonly #texts: string[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#token = this.#next();
  }

  /** The texts of all tokens. */
  parse(): readonly string[] {
    this.#expression();
    if (this.#token.kind !== "end") this.#fail(`extraneous input '${this.#token.text}' expecting <EOF>`);
    return this.#texts;
  }

  #expression(): void {
    if (++this.#depth > nestingMax) this.#fail("expression is nested too deep");
    this.#either();
    if (this.#take("?")) {
      this.#either();
      this.#expect(":");
      this.#expression();
    }
    this.#depth--;
  }

  #either(): void {
    do this.#both();
    while (this.#take("||"));
  }

  #both(): void {
    do this.#relation();
    while (this.#take("&&"));
  }

  #relation(): void {
    this.#sum();
    while (this.#isOneOf(relations)) {
      this.#advance();
      this.#sum();
    }
  }

  #sum(): void {
    this.#product();
    while (this.#isOneOf(sums)) {
      this.#advance();
      this.#product();
    }
  }

  #product(): void {
    this.#unary();
    while (this.#isOneOf(products)) {
      this.#advance();
      this.#unary();
    }
  }

  #unary(): void {
    const sign = this.#token.text === "!" || this.#token.text === "-" ? this.#token.text : undefined;
    if (sign !== undefined) while (this.#take(sign));
    this.#member();
  }

  #member(): void {
    this.#primary();
    for (;;) {
      if (this.#take(".")) {
        this.#take("?");
        if (this.#token.kind === "quoted") this.#advance();
        else this.#identifier();
        if (this.#take("(")) this.#items(")", false);
      } else if (this.#take("[")) {
        this.#take("?");
        this.#expression();
        this.#expect("]");
      } else if (this.#take("{")) this.#entries();
      else return;
    }
  }

  #primary(): void {
    const { kind, text } = this.#token;
    if (kind === "literal" || literalWords.has(text)) this.#advance();
    else if (this.#take("(")) {
      this.#expression();
      this.#expect(")");
    } else if (this.#take("[")) this.#items("]", true);
    else if (this.#take("{")) this.#entries();
    else {
      this.#take(".");
      this.#identifier();
      if (this.#take("(")) this.#items(")", false);
    }
  }

  /** Expressions up to `close`; lists may have optional ones and end with a comma. */
  #items(close: string, isList: boolean): void {
    while (!this.#take(close)) {
      if (isList) this.#take("?");
      this.#expression();
      if (this.#take(",")) {
        if (!isList && this.#token.text === close) this.#fail(`mismatched input '${close}'`);
      } else if (this.#token.text !== close) this.#expect(close);
    }
  }

  /** The entries of a map or the fields of a message. */
  #entries(): void {
    while (!this.#take("}")) {
      this.#take("?");
      this.#expression();
      this.#expect(":");
      this.#expression();
      if (!this.#take(",") && this.#token.text !== "}") this.#expect("}");
    }
  }

  #identifier(): void {
    const { kind, text } = this.#token;
    if (kind !== "word" || text === "in" || literalWords.has(text)) this.#fail(this.#unexpected());
    if (reserved.has(text)) this.#fail(`reserved identifier: ${text}`);
    this.#advance();
  }

  #isOneOf(texts: ReadonlySet<string>): boolean {
    return (this.#token.kind === "sign" || this.#token.kind === "word") && texts.has(this.#token.text);
  }

  #take(text: string): boolean {
    if (this.#token.kind !== "sign" || this.#token.text !== text) return false;
    this.#advance();
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(this.#unexpected());
  }

  #advance(): void {
    this.#texts.push(this.#token.text);
    this.#token = this.#next();
  }

  #next(): Token {
    space.lastIndex = this.#position;
    space.exec(this.#text);
    const at = space.lastIndex;
    if (at >= this.#text.length) return { kind: "end", text: "<EOF>", at };
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(this.#text);
    if (match === null) throw new CelSyntaxError(`token recognition error at: '${this.#text.charAt(at)}'`, at);
    this.#position = tokenPattern.lastIndex;
    const { quoted, word, sign } = match.groups ?? {};
    const kind =
      quoted !== undefined ? "quoted" : word !== undefined ? "word" : sign !== undefined ? "sign" : "literal";
    return { kind, text: match[0], at };
  }

  #unexpected(): string {
    return `mismatched input '${this.#token.text}'`;
  }

  #fail(text: string): never {
    throw new CelSyntaxError(text, this.#token.at);
  }
}
