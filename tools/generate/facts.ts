// Shapes of the fact files that the generators read.
export interface Definition {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly items?: Definition;
  readonly additionalProperties?: Definition;
  readonly properties?: Readonly<Record<string, Definition>>;
  readonly required?: readonly string[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly { group: string; version: string; kind: string }[];
}

/** Message name to field name to `[number, type]`. */
export type ProtoTable = Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>>;

/** One line of recorded/conversations.jsonl, as far as the generators look. */
export interface Exchange {
  readonly group: string;
  readonly step: string;
  readonly request: { readonly path: string };
  readonly response: { readonly status: number; readonly body?: unknown };
}

export function parseExchanges(text: string): Exchange[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange);
}
