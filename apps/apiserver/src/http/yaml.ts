// YAML 1.1 as Kubernetes reads it: `y` and `on` are booleans. One document, aliases bounded. Of a key that is there twice
// the last value counts, and only strict readers mind.
import type { JsonValue } from "@triarch/api";
import { parseDocument } from "yaml";

/** Aliases that one YAML body may resolve; past it 400. */
export const aliasesMax = 100;

export interface YamlText {
  readonly value: JsonValue;
  /** Keys that are there twice, in the words of Go's reader; `undefined` where there are none. */
  readonly duplicates: string | undefined;
}

/** Text that is no YAML; `message` is one line. */
export class YamlError extends Error {
  override readonly name = "YamlError";
}

/** @throws YamlError */
export function readYaml(text: string): YamlText {
  try {
    const document = parseDocument(text, { version: "1.1", uniqueKeys: true });
    const broken = document.errors.find(({ code }) => code !== "DUPLICATE_KEY");
    if (broken !== undefined) throw broken;
    const lines = document.errors.map(({ pos: [at] }) => {
      const line = text.slice(0, at).split("\n").length;
      return `  line ${line}: key ${JSON.stringify(keyAt(text, at))} already set in map`;
    });
    const duplicates = lines.length === 0 ? undefined : ["yaml: unmarshal errors:", ...lines].join("\n");
    return { value: document.toJS({ maxAliasCount: aliasesMax }) as JsonValue, duplicates };
  } catch (error) {
    throw new YamlError(failureText(error as Error), { cause: error });
  }
}

/** The key whose text begins at `at`, without quotes. */
function keyAt(text: string, at: number): string {
  const parts = /^(?:"([^"]*)"|'([^']*)'|([^\s:,{}[\]]+))/.exec(text.slice(at));
  return parts?.[1] ?? parts?.[2] ?? parts?.[3] ?? "";
}

/** The first line of what the YAML reader says; it meets nesting without end as the end of its stack. */
function failureText(error: Error): string {
  if (error.message.startsWith("Maximum call stack size exceeded")) return "exceeded max depth";
  return error.message.split("\n")[0] ?? "";
}
