// Rules in CEL on the values of custom resources, as far as grammar and names of fields tell: types and costs are not
// looked at.
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, invalid, required } from "../meta/field-error.ts";
import { isList, isObject, textAt } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import { celMembers, celProblem, isCelIdentifier } from "./cel-syntax.ts";
import type { SchemaNode } from "./crd-schema.ts";

/** Fields that the root of every object has, whatever its schema says. */
const objectFields = ["apiVersion", "kind", "metadata"];

export function checkSchemaRules(errors: Errors, path: string, node: SchemaNode, isRoot: boolean): void {
  const rules = node["x-kubernetes-validations"];
  if (!isList(rules)) return;
  const known = fieldNames(node, isRoot);
  rules.filter(isObject).forEach((rule, i) => {
    const field = `${path}.x-kubernetes-validations[${i}]`;
    const [text, message, messageExpression] = [
      textAt(rule, "rule"),
      textAt(rule, "message"),
      textAt(rule, "messageExpression"),
    ];
    if (text.trim() === "") errors.push(required(`${field}.rule`, "rule is not specified"));
    else errors.push(...compile(`${field}.rule`, text, shownRule(rule), known));
    if (message !== "" && message.trim() === "") {
      errors.push(invalid(`${field}.message`, message, "message must be non-empty if specified"));
    } else if (/[\r\n]/.test(message.trim())) {
      errors.push(invalid(`${field}.message`, message, "message must not contain line breaks"));
    } else if (/[\r\n]/.test(text.trim()) && message === "") {
      errors.push(required(`${field}.message`, "message must be specified if rule contains line breaks"));
    }
    if (messageExpression !== "") {
      errors.push(...compile(`${field}.messageExpression`, messageExpression, messageExpression, known));
    }
  });
}

function compile(
  path: string,
  expression: string,
  shown: JsonValue,
  known: ReadonlySet<string> | undefined,
): readonly FieldError[] {
  const problem = celProblem(expression);
  if (problem !== undefined) return [invalid(path, shown, `compilation failed: ${problem}`)];
  const unknown = known && celMembers(expression, "self").find((name) => !known.has(name));
  return unknown === undefined ? [] : [invalid(path, shown, `compilation failed: undefined field '${unknown}'`)];
}

/** The fields of `self`, or `undefined` where it has any. */
function fieldNames(node: SchemaNode, isRoot: boolean): ReadonlySet<string> | undefined {
  if (node.type !== "object" || isObject(node.additionalProperties) || node.additionalProperties === true)
    return undefined;
  const own = Object.keys(node.properties ?? {}).map(escapedName);
  return new Set(isRoot || node["x-kubernetes-embedded-resource"] === true ? [...own, ...objectFields] : own);
}

/** How CEL calls a property: characters that identifiers lack are written out. */
function escapedName(name: string): string {
  if (!isCelIdentifier(name) && /^[a-z]+$/.test(name)) return `__${name}__`;
  return name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
}

/** A rule as Kubernetes shows it: Go's struct. */
function shownRule(rule: JsonObject): JsonObject {
  return {
    Rule: textAt(rule, "rule"),
    Message: textAt(rule, "message"),
    MessageExpression: textAt(rule, "messageExpression"),
    Reason: rule["reason"] ?? null,
    FieldPath: textAt(rule, "fieldPath"),
    OptionalOldSelf: rule["optionalOldSelf"] ?? null,
  };
}
