// Which schema a request belongs to, as tables: subjects, resources, namespaces, paths, order.
import t from "tap";
import {
  type FlowRequest,
  FlowSchemaMatcher,
  type FlowUser,
  inMatchingOrder,
  readFlowSchema,
  readPriorityLevel,
} from "@triarch/flow-control";
import { schema } from "./simulation.ts";

const user = (name: string, ...groups: string[]): FlowUser => ({ name, groups });
const account = user("system:serviceaccount:shop:clerk", "system:serviceaccounts", "system:serviceaccounts:shop");

/** `get apps/deployments/scale in shop`, `list pods`, `get /healthz`; the core group has no name. */
function request(text: string): FlowRequest {
  const [what = "", namespace = ""] = text.split(" in ");
  const [verb = "", target = ""] = what.split(" ");
  if (target.startsWith("/")) return { kind: "path", verb, path: target };
  const [head = "", ...rest] = target.split("/");
  const hasGroup = head.includes(".") || head === "apps";
  const [resource = "", subresource = ""] = hasGroup ? rest : [head, ...rest];
  return { kind: "resource", verb, apiGroup: hasGroup ? head : "", resource, subresource, namespace, name: "" };
}

const subjectCases: readonly (readonly [subject: object, who: FlowUser, matches: boolean])[] = [
  [{ kind: "User", user: { name: "jane" } }, user("jane"), true],
  [{ kind: "User", user: { name: "jane" } }, user("joe", "jane"), false],
  [{ kind: "User", user: { name: "*" } }, user("joe"), true],
  [{ kind: "Group", group: { name: "dev" } }, user("joe", "ops", "dev"), true],
  [{ kind: "Group", group: { name: "dev" } }, user("dev", "ops"), false],
  [{ kind: "Group", group: { name: "*" } }, user("joe", "ops"), true],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "shop", name: "clerk" } }, account, true],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "shop", name: "cle" } }, account, false],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "shop", name: "*" } }, account, true],
  [{ kind: "ServiceAccount", serviceAccount: { namespace: "sho", name: "*" } }, account, false],
  [
    { kind: "ServiceAccount", serviceAccount: { namespace: "shop", name: "*" } },
    user("clerk", "system:serviceaccounts:shop"),
    false,
  ],
];

t.test("subjects", async (t) => {
  for (const [subject, who, matches] of subjectCases) {
    const rule = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true };
    const rules = [{ subjects: [subject as never], resourceRules: [rule], nonResourceRules: [] }];
    const matcher = new FlowSchemaMatcher(schema("s", "l", { rules }));
    t.equal(matcher.matches(who, request("list nodes")), matches, `${JSON.stringify(subject)} is ${who.name}`);
  }
});

const resourceCases: readonly (readonly [rule: string, covers: readonly string[], not: readonly string[]])[] = [
  [
    '{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"],"namespaces":["shop"]}',
    ["get pods in shop", "list pods in shop"],
    [
      "watch pods in shop",
      "get pods/log in shop",
      "get pods in other",
      "list pods",
      "get apps/pods in shop",
      "get /pods",
    ],
  ],
  [
    '{"verbs":["*"],"apiGroups":["*"],"resources":["pods/log"],"namespaces":["*"]}',
    ["get pods/log in shop", "get apps/pods/log in x"],
    ["get pods in shop", "get pods/log", "get pods/exec in shop"],
  ],
  [
    '{"verbs":["*"],"apiGroups":["apps"],"resources":["*"],"namespaces":["*"]}',
    ["get apps/deployments in shop", "update apps/deployments/scale in shop"],
    ["list apps/deployments", "get pods in shop"],
  ],
  [
    '{"verbs":["list"],"apiGroups":[""],"resources":["nodes","nodes/status"],"clusterScope":true}',
    ["list nodes", "list nodes/status"],
    ["list nodes in x", "list nodes/proxy"],
  ],
  [
    '{"verbs":["list"],"apiGroups":[""],"resources":["pods"],"clusterScope":true,"namespaces":["a","b"]}',
    ["list pods", "list pods in a", "list pods in b"],
    ["list pods in c"],
  ],
];

t.test("resource rules", async (t) => {
  for (const [text, covers, not] of resourceCases) {
    const subjects = [{ kind: "User", user: { name: "*" } }];
    const rules = [{ subjects, resourceRules: [JSON.parse(text) as never], nonResourceRules: [] }];
    const matcher = new FlowSchemaMatcher(schema("s", "l", { rules }));
    for (const one of covers) t.ok(matcher.matches(user("u"), request(one)), `${text} covers ${one}`);
    for (const one of not) t.notOk(matcher.matches(user("u"), request(one)), `${text} does not cover ${one}`);
  }
});

t.test("paths that are no resources", async (t) => {
  const nonResourceRules = [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/debug/*", "/a/b"] }];
  const subjects = [{ kind: "User", user: { name: "*" } }];
  const matcher = new FlowSchemaMatcher(
    schema("s", "l", { rules: [{ subjects, resourceRules: [], nonResourceRules }] }),
  );
  for (const path of ["/healthz", "/debug/", "/debug/x/y", "/a/b"]) {
    t.ok(matcher.matches(user("u"), request(`get ${path}`)), path);
  }
  for (const path of ["/healthz/ping", "/debug", "/a", "/a/b/c"]) {
    t.notOk(matcher.matches(user("u"), request(`get ${path}`)), path);
  }
  t.notOk(matcher.matches(user("u"), request("post /healthz")));
  t.notOk(matcher.matches(user("u"), request("get pods in x")));
  const all = { subjects, resourceRules: [], nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }] };
  t.ok(new FlowSchemaMatcher(schema("s", "l", { rules: [all] })).matches(user("u"), request("put /any/thing")));
});

t.test("subjects and resources of different rules do not mix", async (t) => {
  const pods = { verbs: ["*"], apiGroups: [""], resources: ["pods"], namespaces: ["*"] };
  const rules = [
    { subjects: [{ kind: "User", user: { name: "jane" } }], resourceRules: [pods], nonResourceRules: [] },
    {
      subjects: [{ kind: "User", user: { name: "joe" } }],
      resourceRules: [{ ...pods, resources: ["secrets"] }],
      nonResourceRules: [],
    },
  ];
  const matcher = new FlowSchemaMatcher(schema("s", "l", { rules }));
  t.ok(matcher.matches(user("jane"), request("get pods in x")));
  t.notOk(matcher.matches(user("joe"), request("get pods in x")));
  t.ok(matcher.matches(user("joe"), request("get secrets in x")));
});

t.test("by precedence, then by name; catch-all takes whatever is left", async (t) => {
  const given = [schema("b", "l"), schema("z", "l", { precedence: 2 }), schema("a", "l")];
  t.same(
    inMatchingOrder(given).map(({ name }) => name),
    ["z", "a", "b"],
  );
  const catchAll = new FlowSchemaMatcher(schema("catch-all", "l", { rules: [] }));
  t.ok(catchAll.matches(user("whoever"), request("get pods")));
});

t.test("objects that contradict themselves are no levels", async (t) => {
  const read = (name: string, spec: object) => readPriorityLevel({ metadata: { name }, spec: spec as never });
  t.equal(read("exempt", { type: "Limited", limited: {} }), undefined);
  t.equal(read("x", { type: "Exempt", exempt: {} }), undefined);
  t.equal(read("x", { type: "Limited" }), undefined);
  t.equal(read("x", { type: "Limited", limited: { limitResponse: { type: "Queue" } } }), undefined);
  t.match(read("x", { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } }), {
    nominalShares: 30,
    queuing: { queues: 64, handSize: 8, queueLengthMax: 50 },
  });
  t.match(read("x", { type: "Limited", limited: { limitResponse: { type: "Reject" } } }), { queuing: undefined });
  t.equal(readFlowSchema({ metadata: { name: "x" } }), undefined);
});
