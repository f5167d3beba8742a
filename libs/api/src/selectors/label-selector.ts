// Label selectors: a conjunction of requirements, from their text (`a=b,c!=d,e in (f,g),!h,i`) or from a LabelSelector
// object. Matching needs only the labels; a selector is compiled once and used for many objects.
import type { LabelSelector } from "../generated/types.generated.ts";
import { fieldErrorText, invalid, type FieldError } from "../meta/field-error.ts";
import { labelKey, labelValue } from "../meta/names.ts";
import { labelTokens, type LabelToken } from "./label-lexer.ts";

export type Labels = Readonly<Record<string, string>>;

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repetition. */
  readonly values: readonly string[];
}

/** Bad selector text. `message` is what Kubernetes answers with 400 BadRequest. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

export interface LabelMatcher {
  readonly requirements: readonly LabelRequirement[];
  /** True for the empty selector: every object matches. */
  readonly matchesEverything: boolean;
  matches(labels: Labels | undefined): boolean;
  /** Canonical text, requirements in order of their keys: what a Scale's status shows. */
  toString(): string;
}

export const everything: LabelMatcher = compile([]);
export const nothing: LabelMatcher = {
  requirements: [],
  matchesEverything: false,
  matches: () => false,
  toString: () => "",
};

/** @throws SelectorError on bad text */
export function parseLabelSelector(text: string): LabelMatcher {
  return compile(new Parser(labelTokens(text)).parse());
}

/**
 * A LabelSelector object of the API. An absent selector matches nothing, an empty one everything.
 *
 * @throws SelectorError where an operator or value is bad; validated objects never throw
 */
export function labelSelectorMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return nothing;
  const requirements: LabelRequirement[] = [];
  for (const key of Object.keys(selector.matchLabels ?? {})) {
    requirements.push(requirement(key, "=", [selector.matchLabels?.[key] ?? ""]));
  }
  for (const expression of selector.matchExpressions ?? []) {
    const operator = objectOperators[expression.operator];
    if (operator === undefined) {
      throw new SelectorError(`${JSON.stringify(expression.operator)} is not a valid label selector operator`);
    }
    requirements.push(requirement(expression.key, operator, expression.values ?? []));
  }
  return compile(requirements);
}

/** A plain map of labels that must all be there, as a Service's selector. */
export function labelMapMatcher(labels: Labels): LabelMatcher {
  return compile(Object.keys(labels).map((key) => ({ key, operator: "=", values: [labels[key] as string] })));
}

const objectOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

function compile(requirements: readonly LabelRequirement[]): LabelMatcher {
  const tests = requirements.map(compileRequirement);
  const sorted = [...requirements].sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  return {
    requirements,
    matchesEverything: requirements.length === 0,
    matches: (labels = {}) => tests.every((test) => test(labels)),
    toString: () => sorted.map(requirementText).join(","),
  };
}

function compileRequirement({ key, operator, values }: LabelRequirement): (labels: Labels) => boolean {
  const first = values[0] ?? "";
  switch (operator) {
    case "=":
    case "==":
      return (labels) => Object.hasOwn(labels, key) && labels[key] === first;
    case "!=":
      return (labels) => !Object.hasOwn(labels, key) || labels[key] !== first;
    case "in":
      return (labels) => Object.hasOwn(labels, key) && values.includes(labels[key] as string);
    case "notin":
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(labels[key] as string);
    case "exists":
      return (labels) => Object.hasOwn(labels, key);
    case "!":
      return (labels) => !Object.hasOwn(labels, key);
    case "gt":
    case "lt": {
      const bound = BigInt(first);
      return (labels) => {
        const value = Object.hasOwn(labels, key) ? (labels[key] as string) : "";
        if (!integerPattern.test(value)) return false;
        return operator === "gt" ? BigInt(value) > bound : BigInt(value) < bound;
      };
    }
  }
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.join(",")})`;
    case "gt":
      return `${key}>${values[0] ?? ""}`;
    case "lt":
      return `${key}<${values[0] ?? ""}`;
    default:
      return `${key}${operator}${values[0] ?? ""}`;
  }
}

/** One optional sign and digits, within Go's int64. */
const integerPattern = /^-?\d{1,18}$/;

function requirement(key: string, operator: LabelOperator, given: readonly string[]): LabelRequirement {
  const values = [...new Set(given)].sort();
  const errors: FieldError[] = [];
  checkKey(key);
  if ((operator === "in" || operator === "notin") && values.length === 0) {
    errors.push(invalid("values", [], "for 'in', 'notin' operators, values set can't be empty"));
  }
  if ((operator === "exists" || operator === "!") && values.length > 0) {
    errors.push(invalid("values", values, "values set must be empty for exists and does not exist"));
  }
  if ((operator === "gt" || operator === "lt") && !integerPattern.test(values[0] ?? "")) {
    errors.push(invalid("values[0]", values[0] ?? "", "for 'Gt', 'Lt' operators, the value must be an integer"));
  }
  values.forEach((value, i) => {
    const texts = labelValue(value);
    if (texts.length > 0) errors.push(invalid(`values[${i}][${key}]`, value, texts.join("; ")));
  });
  const texts = errors.map(fieldErrorText);
  if (texts.length > 0) throw new SelectorError(texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`);
  return { key, operator, values };
}

function checkKey(key: string): void {
  const texts = labelKey(key);
  if (texts.length > 0) throw new SelectorError(fieldErrorText(invalid("<nil>", key, texts.join("; "))));
}

/** Recursive descent over the tokens; the error texts name what was found and what would have done. */
class Parser {
  readonly #tokens: readonly LabelToken[];
  #next = 0;

  constructor(tokens: readonly LabelToken[]) {
    this.#tokens = tokens;
  }

  parse(): readonly LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === "end") return requirements;
      if (token.kind !== "word" && token.text !== "!") {
        throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.kind === "end") return requirements;
      if (after.text !== ",") throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.kind !== "word" && following.text !== "!") {
        throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): LabelRequirement {
    try {
      const absent = this.#peek().text === "!";
      if (absent) this.#take();
      const key = this.#word("identifier");
      checkKey(key);
      if (absent) return requirement(key, "!", []);
      const after = this.#peek();
      if (after.kind === "end" || after.text === ",") return requirement(key, "exists", []);
      const operator = this.#operator();
      const values = operator === "in" || operator === "notin" ? this.#values() : [this.#exactValue()];
      return requirement(key, operator, values);
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #operator(): LabelOperator {
    const token = this.#take();
    if (token.text === ">") return "gt";
    if (token.text === "<") return "lt";
    if (token.text === "in" || token.text === "notin") return token.text;
    if (token.text === "=" || token.text === "==" || token.text === "!=") return token.text;
    throw new SelectorError(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #exactValue(): string {
    const token = this.#peek();
    return token.kind === "end" || token.text === "," ? "" : this.#word("identifier");
  }

  /** `(a,b)`; an empty place, as in `(a,)`, is the empty value. */
  #values(): readonly string[] {
    const open = this.#take();
    if (open.text !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
    if (this.#peek().text === ")") {
      this.#take();
      return [];
    }
    const values: string[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === "word") values.push(this.#take().text);
      else if (token.text === "," || token.text === ")") values.push("");
      else throw new SelectorError(`found '${token.text}', expected: ',', ')' or identifier`);
      const after = this.#take();
      if (after.text === ")") return values;
      if (after.text !== ",") throw new SelectorError(`found '${after.text}', expected: ',' or ')'`);
    }
  }

  #word(expected: string): string {
    const token = this.#take();
    if (token.kind !== "word") throw new SelectorError(`found '${token.text}', expected: ${expected}`);
    return token.text;
  }

  #peek(): LabelToken {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)] as LabelToken;
  }

  #take(): LabelToken {
    const token = this.#peek();
    this.#next++;
    return token;
  }
}
