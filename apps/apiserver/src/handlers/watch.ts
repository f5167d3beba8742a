// watch: a stream of events, one JSON document a line. Events that every watcher gets alike are sent as the bytes the
// cache made once; Tables and metadata are made per watcher.
import {
  badRequest,
  encodeWatchFrame,
  internalError,
  type JsonObject,
  objectAt,
  type ResourceInfo,
  StatusError,
} from "@triarch/api";
import { utf8 } from "@triarch/base";
import { type Form, negotiateWatch } from "../http/accept.ts";
import { type Answer, jsonType, type StreamSink } from "../http/answer.ts";
import { statusOfStorageError } from "../http/failures.ts";
import { metadataOf, tableOf } from "../http/views.ts";
import { isConverted, servedObject, storedResource } from "../registry/stored-version.ts";
import type { StorageError, WatchEnd, WatchEvent, WatchSubscription } from "../storage/index.ts";
import { type ResourceCall, viewOptions } from "./api.ts";
import { type ParsedListOptions, readListOptions } from "./list-options.ts";

const protobufWatchType = "application/vnd.kubernetes.protobuf;stream=watch";
/** A watch whose client named no time ends after 30 to 60 minutes, so that clients spread over the masters again. */
const watchTimeoutMinMs = 30 * 60_000;
/** Longest a client may ask for. */
const watchTimeoutMaxMs = 12 * 60 * 60_000;

export async function handleWatch(call: ResourceCall): Promise<Answer> {
  const { request, resource } = call;
  const form = negotiateWatch(request.headers.accept);
  const options = readListOptions(resource, request.query, "watch");
  checkVersion(options.resourceVersion);
  const contentType = form.encoding === "protobuf" ? protobufWatchType : jsonType;
  return { kind: "stream", contentType, run: (sink) => runWatch(call, form, options, sink) };
}

/** Kubernetes answers a malformed version here with 500; it is the client's mistake, so ours says 400. */
function checkVersion(resourceVersion: string): void {
  if (/^\d*$/.test(resourceVersion)) return;
  const shown = JSON.stringify(resourceVersion);
  throw new StatusError(
    badRequest(`resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`),
  );
}

function runWatch(call: ResourceCall, form: Form, options: ParsedListOptions, sink: StreamSink): void {
  const { api, info, resource } = call;
  const lineOf = eventWriter(call, form);
  const subscription: WatchSubscription = api.registry.store.watch(
    storedResource(resource),
    {
      namespace: info.namespace,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      resourceVersion: options.resourceVersion,
      sendInitialEvents: options.sendInitialEvents,
      allowBookmarks: options.allowBookmarks,
      timeoutMs: timeoutMs(options.timeoutSeconds, api.registry.rng.next()),
      signal: sink.signal,
    },
    {
      event: (event) => sink.write(lineOf(event)),
      caughtUp: () => sink.onStarted?.(),
      end: (end) => finish(end, form, sink, resource),
    },
  );
  sink.onDrained(() => subscription.resume());
  sink.signal.addEventListener("abort", () => {
    subscription.close();
    sink.end();
  });
}

function finish(end: WatchEnd, form: Form, sink: StreamSink, resource: ResourceInfo): void {
  switch (end.kind) {
    case "failed":
      sink.write(encodeEvent(form, "ERROR", errorStatus(end.error, resource)));
      return sink.end();
    case "timeout":
    case "closed":
      return sink.end();
    case "tooSlow":
      return sink.abort();
  }
}

function errorStatus(error: StorageError, resource: ResourceInfo): JsonObject {
  return JSON.parse(JSON.stringify(statusOfStorageError(error, { resource, name: "" }))) as JsonObject;
}

/** JSON: a document a line. Protobuf: frames. */
function encodeEvent({ encoding }: Form, type: string, object: JsonObject): Uint8Array {
  return encoding === "protobuf" ? encodeWatchFrame(type, object) : utf8(`${JSON.stringify({ type, object })}\n`);
}

function eventWriter(call: ResourceCall, form: Form): (event: WatchEvent) => Uint8Array {
  const { resource } = call;
  const { view, encoding } = form;
  if (view.kind === "plain" && encoding === "json" && !isConverted(resource)) return (event) => event.line();
  let first = true;
  return (event) => {
    const type = event.kind === "bookmark" ? "BOOKMARK" : event.type;
    const object = servedObject(resource, event.kind === "bookmark" ? bookmarkOf(event) : event.object.object());
    const columns = first;
    first = false;
    return encodeEvent(form, type, viewed(call, form, object, columns));
  };
}

function viewed(call: ResourceCall, { view }: Form, object: JsonObject, columns: boolean): JsonObject {
  if (view.kind === "plain") return object;
  if (view.kind === "metadata") return metadataOf(object, view.apiVersion);
  const version = objectAt(object, "metadata")?.["resourceVersion"] ?? "";
  const isBookmark = objectAt(object, "metadata")?.["name"] === undefined;
  return tableOf(call.resource, isBookmark ? [] : [object], {
    ...viewOptions(call),
    apiVersion: view.apiVersion,
    listMeta: { resourceVersion: version },
    columns,
  });
}

/** The bookmark's object from its line, which the cache made. */
function bookmarkOf(event: WatchEvent): JsonObject {
  const { object } = JSON.parse(Buffer.from(event.line()).toString()) as { readonly object?: JsonObject };
  if (object === undefined) throw new StatusError(internalError("a bookmark has no object"));
  return object;
}

function timeoutMs(seconds: number | undefined, chance: number): number {
  if (seconds === undefined || seconds <= 0) return Math.floor(watchTimeoutMinMs * (1 + chance));
  return Math.min(seconds * 1000, watchTimeoutMaxMs);
}
