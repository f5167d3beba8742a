// One object in the hands of several managers, without HTTP and store: what field ownership alone makes of writes.
import {
  applyConfiguration,
  applyDefaults,
  apiVersionOf,
  findResource,
  type JsonObject,
  keepUnchangedTimes,
  type MutableObject,
  readStructure,
  StatusError,
  textAt,
  trackCreate,
  trackUpdate,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";

export interface Write {
  readonly manager: string;
  readonly force?: boolean;
  readonly subresource?: string;
}

export class ManagedObject {
  /** Seconds since 2026-01-01; each write is a second later. */
  #second = 0;
  object: MutableObject = {};
  readonly #resource;

  constructor(group: string, version: string, plural: string) {
    this.#resource = assertDefined(findResource(group, version, plural), plural);
  }

  create(manager: string, body: JsonObject): void {
    this.object = this.#canonical(body);
    trackCreate(this.#write({ manager }), this.object);
    (this.object["metadata"] as MutableObject)["uid"] = "1";
  }

  update(write: Write, body: JsonObject): void {
    const next = this.#canonical(body);
    trackUpdate(this.#write(write), next, this.object);
    (next["metadata"] as MutableObject)["uid"] = "1";
    keepUnchangedTimes(next, this.object);
    this.object = next;
  }

  /** Changes a copy and updates with it. */
  edit(write: Write, change: (object: MutableObject) => void): void {
    const copy = structuredClone(this.object);
    change(copy);
    this.update(write, copy);
  }

  /** @returns the message of a refusal, `""` when it was applied */
  apply(write: Write, config: JsonObject): string {
    const live = Object.keys(this.object).length === 0 ? undefined : this.object;
    const scoped = { ...this.#write(write), force: write.force === true };
    try {
      const next = this.#canonical(applyConfiguration(scoped, live, this.#named(config)));
      (next["metadata"] as MutableObject)["uid"] = "1";
      if (live !== undefined) keepUnchangedTimes(next, live);
      this.object = next;
      return "";
    } catch (error) {
      if (error instanceof StatusError) return `${error.status.code} ${error.status.message}`;
      throw error;
    }
  }

  /** `manager operation[/subresource]` with its fields, in the stored order. */
  get owners(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      this.entries.map((entry) => {
        const where = ["manager", "operation", "subresource"].map((key) => textAt(entry, key));
        return [`${where[0] ?? ""} ${where.slice(1).filter(Boolean).join("/")}`, entry["fieldsV1"]];
      }),
    );
  }

  get entries(): readonly JsonObject[] {
    return ((this.object["metadata"] as MutableObject)["managedFields"] ?? []) as readonly JsonObject[];
  }

  #write({ manager, subresource = "" }: Write) {
    this.#second++;
    return { resource: this.#resource, subresource, manager, nowMs: Date.UTC(2026, 0, 1) + this.#second * 1000 };
  }

  #named(body: JsonObject): JsonObject {
    return { apiVersion: apiVersionOf(this.#resource), kind: this.#resource.kind, ...body };
  }

  #canonical(body: JsonObject): MutableObject {
    const { object } = readStructure(this.#resource.typeName, this.#named(body));
    const given = (body["metadata"] as JsonObject | undefined)?.["managedFields"];
    if (Array.isArray(given) && given.length === 0) (object["metadata"] as MutableObject)["managedFields"] = [];
    applyDefaults(apiVersionOf(this.#resource), this.#resource.kind, object);
    return object;
  }
}
