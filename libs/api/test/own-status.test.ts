// What the API server itself says about objects that configure it.
import t from "tap";
import {
  acceptNames,
  availableCondition,
  certificateApproval,
  danglingCondition,
  hasCondition,
  type JsonObject,
  listAt,
  type MutableObject,
  setCondition,
} from "@triarch/api";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const now = "2026-01-02T03:04:05Z";
const definition = (name: string, names: JsonObject, status: JsonObject = {}): JsonObject => ({
  metadata: { name },
  spec: { group: "g.example.com", names },
  status,
});
const short = (object: JsonObject): readonly string[] =>
  ((object as { status?: { conditions?: readonly Record<string, string>[] } }).status?.conditions ?? []).map(
    (one) => `${one["type"]}=${one["status"]} ${one["reason"]}: ${one["message"]}`,
  );

t.test("a definition gets the names that no other one of its group has", async (t) => {
  const names = { plural: "as", singular: "a", kind: "A", listKind: "AList", shortNames: ["x"], categories: ["all"] };
  const first = acceptNames(definition("as", names), [], nowMs);
  t.match(first, { status: { acceptedNames: names, conditions: [{ lastTransitionTime: now }] } });
  t.strictSame(short(first), [
    "NamesAccepted=True NoConflicts: no conflicts found",
    "Established=True InitialNamesAccepted: the initial names have been accepted",
  ]);
  t.strictSame(
    acceptNames(first, [first], nowMs + 9_000),
    first,
    "it does not stand in its own way; nothing changes later",
  );

  const second = definition("bs", {
    plural: "bs",
    singular: "x",
    kind: "A",
    listKind: "BList",
    shortNames: ["as", "c"],
  });
  const refused = acceptNames(second, [first], nowMs);
  t.match(refused, { status: { acceptedNames: { plural: "bs", listKind: "BList" } } });
  const accepted = Object.keys((refused as { status: { acceptedNames: object } }).status.acceptedNames);
  t.strictSame(accepted.sort(), ["listKind", "plural"], "plural, singular and short names share one space");
  t.strictSame(short(refused), [
    'NamesAccepted=False SingularConflict: "x" is already in use',
    "Established=False NotAccepted: not all names are accepted",
  ]);
  t.match(short(acceptNames(refused, [refused], nowMs))[1], "Established=True", "until the other one goes");

  const far = { ...first, spec: { group: "h.example.com", names } };
  t.match(short(acceptNames(second, [far], nowMs))[0], "NamesAccepted=True", "other groups have other names");
});

t.test("an established definition stays so, with the names that it had", async (t) => {
  const other = acceptNames(definition("bs", { plural: "bs", kind: "B" }), [], nowMs);
  const mine = acceptNames(definition("as", { plural: "as", kind: "A" }), [], nowMs);
  const renamed = acceptNames(
    { ...mine, spec: { group: "g.example.com", names: { plural: "as", kind: "B" } } },
    [other],
    nowMs,
  );
  t.match(renamed, { status: { acceptedNames: { plural: "as", kind: "A" } } });
  t.strictSame(
    short(renamed).map((text) => text.split(" ")[0]),
    ["NamesAccepted=False", "Established=True"],
  );
});

t.test("the time of a condition changes with its status alone", async (t) => {
  const object: MutableObject = {};
  const condition = { type: "A", status: "True", reason: "r", message: "m" } as const;
  setCondition(object, condition, nowMs);
  t.ok(hasCondition(object, condition));
  setCondition(object, { ...condition, reason: "s" }, nowMs + 60_000);
  t.notOk(hasCondition(object, condition));
  t.match(object, { status: { conditions: [{ reason: "s", lastTransitionTime: now }] } });
  setCondition(object, { ...condition, status: "False" }, nowMs + 60_000);
  t.match(object, { status: { conditions: [{ status: "False", lastTransitionTime: "2026-01-02T03:05:05Z" }] } });
});

t.test("flow schemas dangle without their priority level", async (t) => {
  const schema = { spec: { priorityLevelConfiguration: { name: "p" } } };
  t.match(danglingCondition(schema, false), { type: "Dangling", status: "True", reason: "NotFound", message: /"p"/ });
  t.match(danglingCondition(schema, true), { status: "False", reason: "Found" });
});

t.test("an aggregated API is as far as its service", async (t) => {
  const api = { spec: { service: { namespace: "n", name: "s", port: 443 } } };
  const service = { spec: { ports: [{ port: 443 }] } };
  const reason = (state: { service?: JsonObject; hasEndpoints?: boolean }, of: JsonObject = api): string => {
    const { status, reason } = availableCondition(of, { service: undefined, hasEndpoints: false, ...state });
    return `${status} ${reason}`;
  };
  t.equal(reason({}, { spec: {} }), "True Local");
  t.equal(reason({}), "False ServiceNotFound");
  t.equal(reason({ service: { spec: { ports: [{ port: 80 }] } } }), "False ServicePortError");
  t.equal(reason({ service }), "False MissingEndpoints");
  t.equal(reason({ service, hasEndpoints: true }), "False FailedDiscoveryCheck");
});

t.test("an approval decides and changes nothing else", async (t) => {
  const old: JsonObject = {
    metadata: { name: "c" },
    spec: { signerName: "example.com/s" },
    status: { conditions: [{ type: "Failed", status: "True", lastUpdateTime: now, lastTransitionTime: now }] },
  };
  const next: MutableObject = {
    metadata: { name: "c" },
    spec: { signerName: "example.com/t" },
    status: {
      certificate: "eA==",
      conditions: [
        { type: "Failed", status: "True", lastUpdateTime: now, lastTransitionTime: now },
        { type: "Approved", status: "True", reason: "r" },
      ],
    },
  };
  certificateApproval.prepare(next, old, { nowMs });
  t.match(next, { spec: { signerName: "example.com/s" } });
  t.notOk("certificate" in (next["status"] as object));
  const conditions = listAt(next["status"] as JsonObject, "conditions") as readonly JsonObject[];
  t.strictSame(
    conditions.map((one) => [one["type"], one["lastUpdateTime"]]),
    [
      ["Failed", now],
      ["Approved", now],
    ],
  );
  t.strictSame(certificateApproval.validate(next, old), []);
  const both: MutableObject = {
    ...old,
    status: {
      conditions: [
        { type: "Approved", status: "True" },
        { type: "Denied", status: "True" },
      ],
    },
  };
  certificateApproval.prepare(both, { ...old, status: {} }, { nowMs });
  t.match(certificateApproval.validate(both, { ...old, status: {} }), [{ field: "status.conditions[1].type" }]);
  const undone: MutableObject = { ...old, status: {} };
  certificateApproval.prepare(undone, next, { nowMs });
  const [noApproval, noFailure] = certificateApproval.validate(undone, next);
  t.match(noFailure?.detail, 'may not remove a condition of type "Failed"');
  t.match(noApproval?.detail, 'may not remove a condition of type "Approved"');
});
