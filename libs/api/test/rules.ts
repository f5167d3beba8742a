// Tables of rules, `rules/*.txt`, and how they are judged. A table begins with an accepted object of a kind; each of its
// rows changes that object and names all errors that must come of it, in order, as clients see them:
//
//   v1 Pod {"metadata":{"name":"p"},"spec":{…}}
//   create spec.containers.0.name = "A" ; spec.hostname = "b"
//     spec.containers[0].name: Invalid value: "A": a lowercase RFC 1123 label …
//   update spec.hostname = "a" -> spec.hostname = null
//     spec: Forbidden: pod updates may not change …
//   status -> status.phase = "Running"
//
// A row without errors is accepted. `…` stands for any text. `null` takes a field away. Left of the arrow
// stands what is there before, made from the table's object; `status` writes through the subresource of that name.
import { readFileSync } from "node:fs";
import {
  deepCopy,
  fieldErrorText,
  findKind,
  type JsonObject,
  type JsonValue,
  type MutableObject,
  type ResourceInfo,
} from "@triarch/api";
import { type Answer, create, update, updateStatus } from "./strategy-server.ts";

type Changes = Readonly<Record<string, JsonValue>>;
const verbs = ["create", "update", "status"] as const;

export interface Row {
  /** Where it stands: `pods.txt:12 create …`. */
  readonly name: string;
  readonly verb: (typeof verbs)[number];
  readonly before: Changes;
  readonly after: Changes;
  readonly wanted: string[];
}

export interface Table {
  readonly resource: ResourceInfo;
  readonly base: JsonObject;
  readonly rows: readonly Row[];
}

export function readTables(path: string): readonly Table[] {
  const tables: (Table & { readonly rows: Row[] })[] = [];
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((line, i) => {
      const name = `${path.slice(path.lastIndexOf("/") + 1)}:${i + 1} ${line}`;
      const rows = tables.at(-1)?.rows ?? [];
      const verb = verbs.find((one) => line.startsWith(`${one} `));
      if (line === "" || line.startsWith("#")) return;
      if (line.startsWith("  ")) rows.at(-1)?.wanted.push(line.slice(2));
      else if (verb === undefined) tables.push(readHead(line));
      else {
        const text = line.slice(verb.length);
        const arrow = verb === "create" ? -1 : text.indexOf("->");
        const before = readChanges(text.slice(0, Math.max(arrow, 0)));
        rows.push({ name, verb, before, after: readChanges(text.slice(arrow < 0 ? 0 : arrow + 2)), wanted: [] });
      }
    });
  return tables;
}

function readHead(line: string): Table & { readonly rows: Row[] } {
  const [apiVersion = "", kind = ""] = line.split(" ", 2);
  const resource = findKind(apiVersion, kind);
  if (resource === undefined) throw new Error(`no kind is served: ${line}`);
  const object = JSON.parse(line.slice(apiVersion.length + kind.length + 2)) as JsonObject;
  const base: JsonObject = { apiVersion, kind, ...object };
  return { resource, base, rows: [{ name: line, verb: "create", before: {}, after: {}, wanted: [] }] };
}

/** `spec.containers.0.name = "A" ; spec.x = 1` */
function readChanges(text: string): Changes {
  const parts = text.split(" ; ").filter((part) => part.trim() !== "");
  return Object.fromEntries(
    parts.map((part) => {
      const sign = part.indexOf(" = ");
      return [part.slice(0, sign).trim(), JSON.parse(part.slice(sign + 3)) as JsonValue];
    }),
  );
}

/** The errors of a row's write, as clients see them. */
export function judge({ resource, base }: Table, row: Row): readonly string[] {
  const namespace = resource.namespaced ? "default" : "";
  if (row.verb === "create") return errorsOf(create(resource, namespace, changed(base, row.after)));
  const made = create(resource, namespace, changed(base, row.before));
  if (!("object" in made)) throw new Error(`${row.name} has nothing to change: ${errorsOf(made).join()}`);
  // The server itself writes these.
  const late = Object.entries(row.before).filter(([path]) => /^(?:status|metadata\.deletion)/.test(path));
  const old = changed(made.object, Object.fromEntries(late));
  const write = row.verb === "update" ? update : updateStatus;
  return errorsOf(write(resource, namespace, old, changed(old, row.after)));
}

export function agrees(wanted: readonly string[], found: readonly string[]): boolean {
  if (wanted.length !== found.length) return false;
  return wanted.every((text, i) => fits(text.split("…"), found[i] ?? ""));
}

/** Do the parts stand in the text in this order, the first at its begin and the last at its end? */
function fits(parts: readonly string[], text: string): boolean {
  let at = 0;
  return parts.every((part, i) => {
    const found = i === parts.length - 1 && i > 0 ? text.length - part.length : text.indexOf(part, at);
    if (found < at || (i === 0 && found > 0) || !text.startsWith(part, found)) return false;
    at = found + part.length;
    return i > 0 || parts.length > 1 || at === text.length;
  });
}

function errorsOf(answer: Answer): readonly string[] {
  if (answer.status === 422) return answer.errors.map(fieldErrorText);
  return answer.status === 400 ? [answer.text] : [];
}

function changed(object: JsonObject, changes: Changes): MutableObject {
  const copy = deepCopy(object);
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(".");
    let parent: Record<string, unknown> = copy;
    for (const key of keys.slice(0, -1)) parent = (parent[key] ??= {}) as Record<string, unknown>;
    const last = keys.at(-1) ?? "";
    if (value !== null) parent[last] = structuredClone(value);
    else if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else Reflect.deleteProperty(parent, last);
  }
  return copy;
}
