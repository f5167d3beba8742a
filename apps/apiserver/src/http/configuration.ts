// The body of a server-side apply: YAML, and so JSON too.
import {
  badRequest,
  isObject,
  type JsonObject,
  type JsonValue,
  JsonSyntaxError,
  parseJson,
  StatusError,
} from "@triarch/api";
import { utf8Text } from "@triarch/base";
import { parseDocument } from "yaml";
import { aliasesMax, yamlFailureText } from "./body.ts";
import type { FieldValidation } from "./write-options.ts";

export interface Configuration {
  readonly config: JsonObject;
  /** What a strict reader would refuse: a key that is there twice. The last one counts. */
  readonly problem: string | undefined;
}

/** @throws StatusError 400 */
export function readConfiguration(body: Uint8Array, validation: FieldValidation): Configuration {
  const text = utf8Text(body);
  const { value, duplicates } = text.trimStart().startsWith("{") ? readJson(text) : readYaml(text);
  if (!isObject(value)) throw undecodable("the body must be an object");
  const problem = validation === "Ignore" ? undefined : duplicates;
  return { config: value, problem: problem === undefined ? undefined : `error strict decoding YAML: ${problem}` };
}

interface Parsed {
  readonly value: JsonValue;
  readonly duplicates: string | undefined;
}

/** YAML's flow style also starts with a brace: what is no JSON may still be YAML. */
function readJson(text: string): Parsed {
  try {
    const { value, duplicates } = parseJson(text, { findDuplicates: true });
    const [first] = duplicates;
    return { value, duplicates: first === undefined ? undefined : duplicateText(first.path) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return readYaml(text);
    throw error;
  }
}

/** YAML 1.1 as Kubernetes reads it: `y` and `on` are booleans. One document, aliases bounded. */
function readYaml(text: string): Parsed {
  const document = parseDocument(text, { version: "1.1", uniqueKeys: true });
  const duplicate = document.errors.find(({ code }) => code === "DUPLICATE_KEY");
  const broken = document.errors.find(({ code }) => code !== "DUPLICATE_KEY");
  if (broken !== undefined) throw undecodable(yamlFailureText(broken));
  try {
    const value = document.toJS({ maxAliasCount: aliasesMax }) as JsonValue;
    return { value, duplicates: duplicate === undefined ? undefined : yamlFailureText(duplicate) };
  } catch (error) {
    throw undecodable(yamlFailureText(error as Error));
  }
}

function duplicateText(path: string): string {
  return `yaml: unmarshal errors:\n  key ${JSON.stringify(path.slice(path.lastIndexOf(".") + 1))} already set in map`;
}

function undecodable(why: string): StatusError {
  return new StatusError(badRequest(`error decoding YAML: ${why}`));
}
