// When is an answer equal to a recorded one? Values that differ from run to run have marks in the recording; the same
// marks are put into ours. Failures are equal in status, reason and causes; their text is looked at last. Everything else
// is equal as a whole, but for the order of keys and of managed fields.
import type { JsonObject, JsonValue } from "@triarch/api";
import type { Exchange, GivenAnswer } from "./conversations.ts";

export type DifferenceKind = "status" | "reason" | "causes" | "body" | "message";

export interface Difference {
  readonly kind: DifferenceKind;
  /** Recorded and found. */
  readonly detail: string;
}

const times: ReadonlySet<string> = new Set([
  "creationTimestamp",
  "deletionTimestamp",
  "expirationTimestamp",
  "lastPhaseTransitionTime",
  "lastTransitionTime",
  "startTime",
  "time",
]);
const agingColumns: ReadonlySet<string> = new Set([
  "Age",
  "Created At",
  "Duration",
  "First Seen",
  "Last Schedule",
  "Last Seen",
]);
/** Ports and addresses that the conversations ask for by themselves. */
const fixedNodePorts: ReadonlySet<JsonValue> = new Set([30_080, 31_053, 31_234]);
const fixedAddress = "10.96.77.77";
const shownCharactersMax = 160;

/** @returns undefined when they are equal */
export function compareAnswer(exchange: Exchange, { status, text }: GivenAnswer): Difference | undefined {
  const { status: wantedStatus, body: wanted } = exchange.response;
  const body = marked(parseBody(text), "");
  if (status !== wantedStatus) {
    const texts = `${shown(messageOf(wanted))} -> ${shown(messageOf(body))}`;
    return { kind: "status", detail: `${wantedStatus} -> ${status} ${texts}` };
  }
  if (wanted === undefined) return undefined;
  if (isFailure(wanted, wantedStatus)) return failureDifference(wanted, isRecord(body) ? body : {});
  const found = firstDifference(marked(wanted, ""), body, "");
  return found === undefined ? undefined : { kind: "body", detail: found };
}

function isFailure(body: JsonValue, status: number): body is JsonObject {
  if (!isRecord(body) || status < 400 || body["reason"] === undefined) return false;
  return body["kind"] === undefined || body["kind"] === "Status";
}

function failureDifference(wanted: JsonObject, found: JsonObject): Difference | undefined {
  const compared: readonly (readonly [DifferenceKind, JsonValue | undefined, JsonValue | undefined])[] = [
    ["reason", wanted["reason"], found["reason"]],
    ["causes", causesOf(wanted), causesOf(found)],
    ["message", wanted["message"], found["message"]],
  ];
  for (const [kind, left, right] of compared) {
    if (left !== right) return { kind, detail: `${shown(left)} -> ${shown(right)}` };
  }
  return undefined;
}

function causesOf(status: JsonObject): string {
  const details = status["details"];
  const causes = isRecord(details) && Array.isArray(details["causes"]) ? (details["causes"] as JsonValue[]) : [];
  const texts = causes.filter(isRecord).map(({ field, reason }) => `${shown(field)} ${shown(reason)}`);
  return texts.sort().join("\n");
}

/** A watch's answer is one document a line. */
function parseBody(text: string): JsonValue {
  const whole = parsed(text);
  if (whole !== undefined) return whole;
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map(parsed);
  return lines.every((line) => line !== undefined) ? lines : text;
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function marked(value: JsonValue, key: string): JsonValue {
  if (Array.isArray(value)) return (value as JsonValue[]).map((item) => marked(item, key));
  if (isRecord(value)) {
    const record = value["kind"] === "Table" && Array.isArray(value["rows"]) ? agelessTable(value) : value;
    return Object.fromEntries(
      Object.entries(record).flatMap(([name, field]) => (field === undefined ? [] : [[name, marked(field, name)]])),
    );
  }
  if (key === "nodePort" || key === "healthCheckNodePort") {
    return value === 0 || value === null || fixedNodePorts.has(value) ? value : "<nodePort>";
  }
  return typeof value === "string" ? markedText(value, key) : value;
}

function markedText(text: string, key: string): string {
  if (key === "uid") return "<uid>";
  if (times.has(key)) return "<time>";
  if (key === "resourceVersion" && text !== "") return "<rv>";
  if (key === "continue" && text !== "") return "<continue>";
  if (key === "storageVersionHash" || key === "token") return `<${key}>`;
  // The recorded server and ours listen on different ports.
  if (key === "serverAddress") return "<serverAddress>";
  if (/^10\.96\.\d+\.\d+$/.test(text) && text !== fixedAddress) return "<clusterIP>";
  return text
    .replace(/"?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"?/g, "<uid>")
    .replace(/:3\d{4}\//g, ":<nodePort>/")
    .replace(/current: \d+/g, "current: <rv>")
    .replace(/in record \(\d+\)/g, "in record (<rv>)")
    .replace(/\b(UP|gen|kube-api-access)-[a-z0-9]{5}(?=x?\b)/g, "$1-<random>");
}

/** Descriptions of columns are prose, ages pass. */
function agelessTable(table: JsonObject): JsonObject {
  const definitions = table["columnDefinitions"];
  const columns = Array.isArray(definitions) ? (definitions as JsonValue[]).filter(isRecord) : undefined;
  const rows = (table["rows"] as JsonValue[]).filter(isRecord);
  // Later events of a watch have no columns: there an age is what looks like one.
  const isAge = (cell: JsonValue, i: number): boolean =>
    columns === undefined ? /^(\d+[dhms])+$/.test(textOf(cell)) : agingColumns.has(textOf(columns[i]?.["name"]));
  return {
    ...table,
    ...(columns === undefined ? {} : { columnDefinitions: columns.map(({ description: _, ...column }) => column) }),
    rows: rows.map((row) => ({
      ...row,
      cells: (row["cells"] as JsonValue[]).map((cell, i) => (isAge(cell, i) ? "<age>" : cell)),
    })),
  };
}

function firstDifference(
  wanted: JsonValue | undefined,
  found: JsonValue | undefined,
  path: string,
): string | undefined {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const [left, right] = path.endsWith(".managedFields")
      ? [sortedManagers(wanted as JsonValue[]), sortedManagers(found as JsonValue[])]
      : [wanted as JsonValue[], found as JsonValue[]];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const difference = firstDifference(left[i], right[i], `${path}[${i}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isRecord(wanted) && isRecord(found)) {
    for (const name of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      const difference = firstDifference(wanted[name], found[name], `${path}.${name}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return wanted === found ? undefined : `${path === "" ? "." : path}: ${shown(wanted)} -> ${shown(found)}`;
}

function sortedManagers(entries: readonly JsonValue[]): readonly JsonValue[] {
  const nameOf = (entry: JsonValue): string =>
    isRecord(entry) ? ["manager", "operation", "subresource"].map((key) => shown(entry[key])).join() : "";
  return entries.toSorted((left, right) => nameOf(left).localeCompare(nameOf(right)));
}

function messageOf(body: JsonValue | undefined): JsonValue {
  return (isRecord(body) ? body["message"] : undefined) ?? "";
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function shown(value: JsonValue | undefined): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, shownCharactersMax);
}
