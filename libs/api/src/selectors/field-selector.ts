// Field selectors: a conjunction of equalities over a few named fields, `spec.nodeName=n1,status.phase!=Failed`.
// Which names a kind knows, and their values, is the kind's strategy's to say.
import { SelectorError } from "./label-selector.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export interface FieldMatcher {
  readonly requirements: readonly FieldRequirement[];
  readonly matchesEverything: boolean;
  /** A field that is not there has the value `""`. */
  matches(fields: Readonly<Record<string, string>>): boolean;
  /** The value that `field` must have, where the selector says so: lets a cache use an index. */
  exactly(field: string): string | undefined;
}

/** Old names that still work: nodes of pods were called hosts once. */
const aliases: Readonly<Record<string, string>> = { "spec.host": "spec.nodeName" };
const commonFields = ["metadata.name", "metadata.namespace"];

/**
 * @param supported the strategy's `supportedFieldSelectors`
 * @throws SelectorError on bad text and on a field the kind does not select by
 */
export function parseFieldSelector(text: string, supported: readonly string[] = commonFields): FieldMatcher {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === "") continue;
    const parts = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (parts === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const named = parts[1] as string;
    const field = supported.includes(named) ? named : (aliases[named] ?? named);
    if (!supported.includes(field)) throw new SelectorError(unsupportedText(field, supported));
    requirements.push({ field, operator: parts[2] === "!=" ? "!=" : "=", value: unescapeValue(parts[3] as string) });
  }
  return {
    requirements,
    matchesEverything: requirements.length === 0,
    matches: (fields) =>
      requirements.every(({ field, operator, value }) => ((fields[field] ?? "") === value) === (operator === "=")),
    exactly: (field) => requirements.find((one) => one.field === field && one.operator === "=")?.value,
  };
}

function unsupportedText(field: string, supported: readonly string[]): string {
  if (supported.every((name) => commonFields.includes(name))) {
    return `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  return `field label not supported: ${field}`;
}

/** Cuts at commas that no backslash protects. */
function splitTerms(text: string): readonly string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.charAt(i) === "\\") i++;
    else if (text.charAt(i) === ",") {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(value: string): string {
  let plain = "";
  for (let i = 0; i < value.length; i++) {
    const character = value.charAt(i);
    if (character === "\\") {
      const escaped = value.charAt(++i);
      if (escaped === "" || !"\\,=".includes(escaped)) {
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped}`);
      }
      plain += escaped;
    } else if (character === "," || character === "=") {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${character}`);
    } else {
      plain += character;
    }
  }
  return plain;
}
