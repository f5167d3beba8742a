import t from "tap";
import { ageText, type JsonObject, podSummary, renderTable, tableFor } from "@triarch/api";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const ago = (seconds: number): string => `${new Date(nowMs - seconds * 1000).toISOString().slice(0, 19)}Z`;
const meta = { name: "x", namespace: "n", creationTimestamp: ago(90) };
const row = (group: string, resource: string, object: JsonObject): readonly unknown[] =>
  tableFor({ group, resource }).cells({ metadata: meta, ...object }, nowMs);

t.test("ages get coarser as they grow", async (t) => {
  const [minute, hour, day] = [60, 3600, 86_400];
  const cases: readonly (readonly [number, string])[] = [
    [-5, "<invalid>"],
    [-1, "0s"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [125, "2m5s"],
    [10 * minute - 1, "9m59s"],
    [10 * minute + 30, "10m"],
    [3 * hour - 1, "179m"],
    [3 * hour, "3h"],
    [3 * hour + minute, "3h1m"],
    [8 * hour + minute, "8h"],
    [47 * hour, "47h"],
    [48 * hour, "2d"],
    [49 * hour, "2d1h"],
    [8 * day, "8d"],
    [700 * day, "700d"],
    [730 * day, "2y"],
    [800 * day, "2y70d"],
    [3000 * day, "8y"],
  ];
  for (const [seconds, wanted] of cases) t.equal(ageText(seconds * 1000), wanted, `${seconds} s`);
});

const running = { running: { startedAt: ago(50) } };
const status = (name: string, more: JsonObject): JsonObject => ({ name, restartCount: 0, ready: false, ...more });
const pod = (
  phase: string,
  more: { spec?: JsonObject; status?: JsonObject; metadata?: JsonObject } = {},
): JsonObject => ({
  metadata: { ...meta, ...more.metadata },
  spec: { containers: [{ name: "a" }, { name: "b" }], ...more.spec },
  status: { phase, ...more.status },
});

t.test("the STATUS of a pod is its most telling fact", async (t) => {
  const init = { initContainers: [{ name: "i1" }, { name: "i2" }] };
  const sidecar = { initContainers: [{ name: "s", restartPolicy: "Always" }, { name: "i2" }] };
  const initStatus = (...statuses: JsonObject[]): JsonObject => ({ initContainerStatuses: statuses });
  const done = { state: { terminated: { exitCode: 0, reason: "Completed" } } };
  const cases: readonly (readonly [string, JsonObject, string])[] = [
    ["pending", pod("Pending"), "0/2 Pending"],
    ["phase with reason", pod("Failed", { status: { reason: "Evicted" } }), "0/2 Evicted"],
    [
      "gated",
      pod("Pending", {
        status: { conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
      }),
      "0/2 SchedulingGated",
    ],
    [
      "crash loop",
      pod("Running", {
        status: {
          containerStatuses: [
            status("a", { ready: true, state: running }),
            status("b", { state: { waiting: { reason: "CrashLoopBackOff" } } }),
          ],
        },
      }),
      "1/2 CrashLoopBackOff",
    ],
    [
      "one done, one runs and is ready",
      pod("Running", {
        status: {
          conditions: [{ type: "Ready", status: "True" }],
          containerStatuses: [status("a", done), status("b", { ready: true, state: running })],
        },
      }),
      "1/2 Running",
    ],
    [
      "one done, one runs, pod not ready",
      pod("Running", {
        status: { containerStatuses: [status("a", done), status("b", { ready: true, state: running })] },
      }),
      "1/2 NotReady",
    ],
    [
      "all done",
      pod("Succeeded", { status: { containerStatuses: [status("a", done), status("b", done)] } }),
      "0/2 Completed",
    ],
    [
      "exit code",
      pod("Failed", { status: { containerStatuses: [status("a", { state: { terminated: { exitCode: 3 } } })] } }),
      "0/2 ExitCode:3",
    ],
    [
      "signal",
      pod("Failed", {
        status: { containerStatuses: [status("a", { state: { terminated: { exitCode: 137, signal: 9 } } })] },
      }),
      "0/2 Signal:9",
    ],
    [
      "first init container runs",
      pod("Pending", { spec: init, status: initStatus(status("i1", { state: running })) }),
      "0/2 Init:0/2",
    ],
    [
      "second init container waits",
      pod("Pending", {
        spec: init,
        status: initStatus(status("i1", done), status("i2", { state: { waiting: { reason: "PodInitializing" } } })),
      }),
      "0/2 Init:1/2",
    ],
    [
      "init fails",
      pod("Pending", {
        spec: init,
        status: initStatus(status("i1", { state: { terminated: { exitCode: 1, reason: "Error" } } })),
      }),
      "0/2 Init:Error",
    ],
    [
      "init image",
      pod("Pending", {
        spec: init,
        status: initStatus(status("i1", { state: { waiting: { reason: "ErrImagePull" } } })),
      }),
      "0/2 Init:ErrImagePull",
    ],
    [
      "sidecar counts",
      pod("Pending", {
        spec: sidecar,
        status: initStatus(
          status("s", { started: true, ready: true, state: running }),
          status("i2", { state: running }),
        ),
      }),
      "1/3 Init:1/2",
    ],
    ["terminating", pod("Running", { metadata: { deletionTimestamp: ago(1) } }), "0/2 Terminating"],
    ["done while terminating", pod("Succeeded", { metadata: { deletionTimestamp: ago(1) } }), "0/2 Succeeded"],
    [
      "lost node",
      pod("Running", { metadata: { deletionTimestamp: ago(1) }, status: { reason: "NodeLost" } }),
      "0/2 Unknown",
    ],
  ];
  for (const [name, object, wanted] of cases) {
    const { ready, total, reason } = podSummary(object);
    t.equal(`${ready}/${total} ${reason}`, wanted, name);
  }
});

t.test("restarts say when the last one was", async (t) => {
  const restarted = status("a", {
    restartCount: 3,
    ready: true,
    state: running,
    lastState: { terminated: { exitCode: 1, finishedAt: ago(300) } },
  });
  const object = pod("Running", {
    status: { containerStatuses: [restarted], podIPs: [{ ip: "10.1.1.1" }] },
    spec: { nodeName: "n1" },
  });
  t.strictSame(tableFor({ group: "", resource: "pods" }).cells(object, nowMs), [
    "x",
    "1/2",
    "Running",
    "3 (5m ago)",
    "90s",
    "10.1.1.1",
    "n1",
    "<none>",
    "<none>",
  ]);
});

t.test("rows of other kinds", async (t) => {
  const spec = {
    replicas: 3,
    selector: { matchLabels: { app: "w" } },
    template: {
      spec: {
        containers: [
          { name: "a", image: "a:1" },
          { name: "b", image: "b:1" },
        ],
      },
    },
  };
  t.strictSame(row("apps", "deployments", { spec, status: { readyReplicas: 2, updatedReplicas: 1 } }), [
    "x",
    "2/3",
    1,
    0,
    "90s",
    "a,b",
    "a:1,b:1",
    "app=w",
  ]);
  t.strictSame(
    row("", "services", {
      spec: { type: "LoadBalancer", clusterIP: "10.96.0.9", ports: [{ port: 80, nodePort: 30001 }] },
    }),
    ["x", "LoadBalancer", "10.96.0.9", "<pending>", "80:30001/TCP", "90s", "<none>"],
  );
  const node = {
    metadata: { ...meta, labels: { "node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "db" } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: "Ready", status: "True" }], nodeInfo: { kubeletVersion: "v1" } },
  };
  t.strictSame(row("", "nodes", node).slice(0, 5), ["x", "Ready,SchedulingDisabled", "control-plane,db", "90s", "v1"]);
  const ips = [1, 2, 3, 4, 5].map((last) => ({ ip: `10.1.1.${last}` }));
  t.equal(
    row("", "endpoints", { subsets: [{ addresses: ips, ports: [{ port: 80 }] }] })[1],
    "10.1.1.1:80,10.1.1.2:80,10.1.1.3:80 + 2 more...",
  );
  t.equal(row("", "endpoints", {})[1], "<none>");
  t.strictSame(
    row("discovery.k8s.io", "endpointslices", { addressType: "IPv4", endpoints: null, ports: null }).slice(1, 4),
    ["IPv4", "<unset>", "<unset>"],
    "lists may be null",
  );
  t.strictSame(row("example.com", "widgets", {}), ["x", meta.creationTimestamp]);
  const event = {
    involvedObject: { kind: "Pod", name: "p" },
    reason: "R",
    message: " m ",
    type: "Normal",
    eventTime: ago(30),
    reportingComponent: "c",
    series: { count: 7, lastObservedTime: ago(5) },
  };
  t.strictSame(row("", "events", event), ["5s", "Normal", "R", "pod/p", "", "c", "m", "30s", 7, "x"]);
});

t.test("tables carry what was asked for", async (t) => {
  const object = { kind: "ConfigMap", metadata: { ...meta, resourceVersion: "7" }, data: { a: "1" } };
  const table = tableFor({ group: "", resource: "configmaps" });
  const metadataOnly = renderTable(table, [object], { nowMs });
  t.strictSame(metadataOnly["metadata"], { resourceVersion: "7" });
  t.match(metadataOnly["rows"], [
    { cells: ["x", 1, "90s"], object: { kind: "PartialObjectMetadata", metadata: object.metadata } },
  ]);
  t.match(renderTable(table, [object], { nowMs, includeObject: "Object" })["rows"], [{ object }]);
  t.match(renderTable(table, [object], { nowMs, includeObject: "None", withColumns: false }), {
    columnDefinitions: null,
    rows: [{ object: null }],
  });
  t.strictSame(renderTable(table, [], { nowMs, listMetadata: { resourceVersion: "9" } })["metadata"], {
    resourceVersion: "9",
  });
  const finished = renderTable(tableFor({ group: "", resource: "pods" }), [pod("Succeeded")], { nowMs });
  t.match(finished["rows"], [{ conditions: [{ type: "Completed", status: "True", reason: "Succeeded" }] }]);
});
