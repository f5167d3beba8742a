// From a change in the store to what one watcher sees of it. A watcher with a selector sees objects come into and go out
// of its selection: ADDED when the state after matches and the one before did not, DELETED the other way round.
import { concatBytes, utf8 } from "@triarch/base";
import { apiVersionOf, headText } from "./stored-form.ts";
import type { StoredObject } from "./stored-object.ts";
import type { Selection, StoredResource, WatchEvent } from "./types.ts";

/** One change of one object. At least one of `current` and `previous` is there. */
export class CacheEvent {
  readonly revision: number;
  /** Undefined: deleted. */
  readonly current: StoredObject | undefined;
  /** Undefined: created. */
  readonly previous: StoredObject | undefined;
  readonly atMs: number;

  constructor(event: {
    readonly revision: number;
    readonly current: StoredObject | undefined;
    readonly previous: StoredObject | undefined;
    readonly atMs: number;
  }) {
    this.revision = event.revision;
    this.current = event.current;
    this.previous = event.previous;
    this.atMs = event.atMs;
  }

  get sizeBytes(): number {
    return this.current?.sizeBytes ?? this.previous?.sizeBytes ?? 0;
  }
}

type EventType = "ADDED" | "MODIFIED" | "DELETED";

/** The forms of one change that watchers may see, each made once however many see it. */
export class EventViews {
  readonly change: CacheEvent;
  #added: WatchEvent | undefined;
  #modified: WatchEvent | undefined;
  #deleted: WatchEvent | undefined;

  constructor(change: CacheEvent) {
    this.change = change;
  }

  /** What a watcher of `selection` sees, or undefined when the change is outside of it. */
  for(selection: Selection): WatchEvent | undefined {
    const { current, previous, revision } = this.change;
    const isIn = current !== undefined && selects(selection, current);
    const wasIn = previous !== undefined && selects(selection, previous);
    if (isIn && wasIn) return (this.#modified ??= objectEvent("MODIFIED", current));
    if (isIn) return (this.#added ??= objectEvent("ADDED", current));
    if (wasIn) return (this.#deleted ??= objectEvent("DELETED", previous.at(revision)));
    return undefined;
  }
}

/** Namespaces and names first: they cost no decoding. */
export function selects(selection: Selection, object: StoredObject): boolean {
  const { namespace, labelSelector, fieldSelector } = selection;
  if (namespace !== undefined && namespace !== "" && object.namespace !== namespace) return false;
  if (fieldSelector !== undefined && fieldSelector.matchesEverything !== true) {
    const name = fieldSelector.exactly("metadata.name");
    if (name !== undefined && name !== object.name) return false;
    if (!fieldSelector.matches(object.fields())) return false;
  }
  if (labelSelector === undefined || labelSelector.matchesEverything === true) return true;
  return labelSelector.matches(object.labels());
}

export function objectEvent(type: EventType, object: StoredObject): WatchEvent {
  let line: Uint8Array | undefined;
  return {
    kind: "object",
    type,
    object,
    line: () => (line ??= concatBytes([lineStarts[type], object.json(), lineEnd])),
  };
}

export function bookmarkEvent(resource: StoredResource, revision: number, initialEventsEnd: boolean): WatchEvent {
  const annotations = initialEventsEnd ? ',"annotations":{"k8s.io/initial-events-end":"true"}' : "";
  const object = `${headText(apiVersionOf(resource), resource.kind)}"metadata":{"resourceVersion":"${revision}"${annotations}}}`;
  return {
    kind: "bookmark",
    revision,
    initialEventsEnd,
    line: () => utf8(`{"type":"BOOKMARK","object":${object}}\n`),
  };
}

const lineStarts: Readonly<Record<EventType, Uint8Array>> = {
  ADDED: utf8('{"type":"ADDED","object":'),
  MODIFIED: utf8('{"type":"MODIFIED","object":'),
  DELETED: utf8('{"type":"DELETED","object":'),
};
const lineEnd = utf8("}\n");
