// The body of a server-side apply: YAML, and so JSON too.
import { badRequest, isObject, type JsonObject, JsonSyntaxError, parseJson, StatusError } from "@triarch/api";
import { utf8Text } from "@triarch/base";
import type { FieldValidation } from "./write-options.ts";
import { readYaml, YamlError, type YamlText } from "./yaml.ts";

export interface Configuration {
  readonly config: JsonObject;
  /** What a strict reader would refuse: a key that is there twice. The last one counts. */
  readonly problem: string | undefined;
}

/** @throws StatusError 400 */
export function readConfiguration(body: Uint8Array, validation: FieldValidation): Configuration {
  const text = utf8Text(body);
  const { value, duplicates } = text.trimStart().startsWith("{") ? readJson(text) : asYaml(text);
  if (!isObject(value)) throw undecodable("the body must be an object");
  const problem = validation === "Ignore" ? undefined : duplicates;
  return { config: value, problem: problem === undefined ? undefined : `error strict decoding YAML: ${problem}` };
}

/** YAML's flow style also starts with a brace: what is no JSON may still be YAML. */
function readJson(text: string): YamlText {
  try {
    const { value, duplicates } = parseJson(text, { findDuplicates: true });
    return duplicates.length > 0 ? asYaml(text) : { value, duplicates: undefined };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return asYaml(text);
    throw error;
  }
}

function asYaml(text: string): YamlText {
  try {
    return readYaml(text);
  } catch (error) {
    throw error instanceof YamlError ? undecodable(error.message) : error;
  }
}

function undecodable(why: string): StatusError {
  return new StatusError(badRequest(`error decoding YAML: ${why}`));
}
