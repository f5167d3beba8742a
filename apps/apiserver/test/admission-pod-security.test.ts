// PodSecurity: what each level forbids, by version, and what becomes of pods, templates and namespaces.
import t from "tap";
import { type JsonObject, type PodSpec, typed } from "@triarch/api";
import { subjectOf } from "../src/admission/pod-security/check.ts";
import { detailText, violations } from "../src/admission/pod-security/evaluate.ts";
import { existingPodWarnings } from "../src/admission/pod-security/existing-pods.ts";
import type { Level } from "../src/admission/pod-security/namespace-policy.ts";
import { pod, startTestServer, type Answer } from "./support/test-server.ts";

const container = (security: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  name: "c",
  image: "busybox:1",
  securityContext: security,
  ...more,
});
const hardened: JsonObject = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};
const ofSecurity = (security: JsonObject): JsonObject => ({ containers: [container(security)] });
const ofPod = (securityContext: JsonObject, own: JsonObject = hardened): JsonObject => ({
  ...ofSecurity(own),
  securityContext,
});

function judged(level: Level, spec: JsonObject, minor?: number, annotations: JsonObject = {}): string {
  return detailText(violations(subjectOf(typed<PodSpec>(spec), annotations), { level, minor }));
}

t.test("the baseline says what it forbids, and to whom", (t) => {
  const http = { httpGet: { host: "1.2.3.4", port: 80 } };
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ containers: [container()] }, ""],
    [
      { hostNetwork: true, hostIPC: true, containers: [container()] },
      "host namespaces (hostNetwork=true, hostIPC=true)",
    ],
    [
      {
        initContainers: [container({ privileged: true }, { name: "i" })],
        containers: [container({ privileged: true })],
      },
      'privileged (containers "i", "c" must not set securityContext.privileged=true)',
    ],
    [
      ofSecurity({ capabilities: { add: ["NET_RAW", "CHOWN", "BPF"] } }),
      'non-default capabilities (container "c" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
    ],
    [
      {
        volumes: [
          { name: "v", hostPath: { path: "/" } },
          { name: "w", emptyDir: {} },
        ],
        containers: [],
      },
      'hostPath volumes (volume "v")',
    ],
    [
      { containers: [container({}, { ports: [{ containerPort: 1, hostPort: 90 }, { hostPort: 8080 }] })] },
      'hostPort (container "c" uses hostPorts 8080, 90)',
    ],
    [
      { containers: [container({}, { livenessProbe: http, lifecycle: { preStop: { tcpSocket: { host: "h" } } } })] },
      'probe or lifecycle host (container "c" uses probe or lifecycle hosts "1.2.3.4", "h")',
    ],
    [
      ofSecurity({ procMount: "Unmasked" }),
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [{ ...ofSecurity({ procMount: "Unmasked" }), hostUsers: false }, ""],
    [
      ofPod({ seLinuxOptions: { type: "spc_t", role: "r" } }, { seLinuxOptions: { user: "u" } }),
      'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
    ],
    [
      ofPod({ seccompProfile: { type: "Unconfined" } }),
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      ofPod({ appArmorProfile: { type: "Unconfined" } }),
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      ofPod({ sysctls: [{ name: "net.ipv4.tcp_rmem" }, { name: "kernel.msgmax" }] }),
      "forbidden sysctls (kernel.msgmax)",
    ],
    [
      ofPod({ windowsOptions: { hostProcess: true } }),
      "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
    ],
  ];
  for (const [spec, text] of cases) t.equal(judged("baseline", spec), text);
  for (const [spec] of cases) t.equal(judged("privileged", spec), "");
  t.equal(
    judged("baseline", { containers: [container()] }, undefined, {
      "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
      "container.apparmor.security.beta.kubernetes.io/d": "localhost/x",
    }),
    'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c=\\"unconfined\\"")',
  );
  t.end();
});

t.test("the restricted level wants hardened pods, and counts what it sharpens once", (t) => {
  t.equal(judged("restricted", ofSecurity(hardened)), "");
  t.equal(
    judged("restricted", { containers: [container()] }),
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
  const cases: readonly (readonly [JsonObject, string])[] = [
    [
      ofSecurity({ ...hardened, capabilities: { drop: ["ALL"], add: ["CHOWN", "NET_BIND_SERVICE"] } }),
      'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      {
        ...ofSecurity(hardened),
        volumes: [
          { name: "v", hostPath: {} },
          { name: "n", nfs: {} },
          { name: "s", secret: {} },
        ],
      },
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ],
    [
      ofPod({ runAsNonRoot: false }, { ...hardened, runAsNonRoot: false }),
      'runAsNonRoot != true (pod and container "c" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      ofPod({ runAsNonRoot: true }, { ...hardened, runAsUser: 0 }),
      'runAsUser=0 (container "c" must not set runAsUser=0)',
    ],
    [{ ...ofPod({ runAsUser: 0, runAsNonRoot: false }), hostUsers: false }, ""],
    [
      { ...ofSecurity({ ...hardened, procMount: "Unmasked" }), hostUsers: false },
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      ofPod(
        { runAsNonRoot: true, seccompProfile: { type: "Localhost" } },
        { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      ),
      "",
    ],
    [{ ...ofSecurity({ runAsNonRoot: true }), os: { name: "windows" } }, ""],
  ];
  for (const [spec, text] of cases) t.equal(judged("restricted", spec), text);
  t.end();
});

t.test("rules are those of the version that is named", (t) => {
  const bare: JsonObject = { containers: [container()] };
  const sysctl = (name: string): JsonObject => ({ ...bare, securityContext: { sysctls: [{ name }] } });
  const cases: readonly (readonly [Level, JsonObject, minor: number, isFree: boolean])[] = [
    ["baseline", sysctl("net.ipv4.ip_local_reserved_ports"), 26, false],
    ["baseline", sysctl("net.ipv4.ip_local_reserved_ports"), 27, true],
    ["baseline", sysctl("net.ipv4.tcp_fin_timeout"), 28, false],
    ["baseline", sysctl("net.ipv4.tcp_fin_timeout"), 29, true],
    ["baseline", ofPod({ seLinuxOptions: { type: "container_engine_t" } }), 30, false],
    ["baseline", ofPod({ seLinuxOptions: { type: "container_engine_t" } }), 31, true],
    ["baseline", { containers: [container({}, { startupProbe: { tcpSocket: { host: "h" } } })] }, 33, true],
    ["baseline", { containers: [container({}, { startupProbe: { tcpSocket: { host: "h" } } })] }, 34, false],
    ["baseline", { ...ofSecurity({ procMount: "Unmasked" }), hostUsers: false }, 34, false],
    ["baseline", ofPod({ seccompProfile: { type: "Unconfined" } }), 18, true],
    ["restricted", { containers: [container({ runAsNonRoot: true })] }, 7, true],
    ["restricted", { containers: [container({ runAsNonRoot: true })] }, 8, false],
    ["restricted", { ...ofSecurity({ ...hardened, seccompProfile: null }), os: { name: "windows" } }, 24, false],
    ["restricted", ofPod({ runAsUser: 0 }), 22, true],
    ["restricted", ofPod({ runAsUser: 0 }), 23, false],
    ["restricted", ofPod({ runAsUser: 0 }), 99, false],
  ];
  for (const [level, spec, minor, isFree] of cases) {
    t.equal(judged(level, spec, minor) === "", isFree, `${level} v1.${minor} ${JSON.stringify(spec)}`);
  }
  const seccomp = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
  t.equal(
    judged("baseline", bare, 18, seccomp),
    'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  );
  t.equal(judged("baseline", bare, 19, seccomp), "", "fields took its place");
  t.end();
});

t.test("pods that are there already are told of by violation, those of one controller last", (t) => {
  const named = (name: string, spec: JsonObject, controller?: string): JsonObject => ({
    metadata: {
      name,
      ...(controller === undefined ? {} : { ownerReferences: [{ uid: controller, controller: true }] }),
    },
    spec,
  });
  const loud = ofSecurity({ privileged: true });
  const pods = [
    named("b", loud),
    named("a", loud),
    named("fine", { containers: [container()] }),
    named("net", { hostNetwork: true, containers: [] }),
  ];
  const enforce = { level: "baseline", minor: undefined } as const;
  t.same(existingPodWarnings("ns", enforce, pods), [
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    "a (and 1 other pod): privileged",
    "net: host namespaces",
  ]);
  t.same(existingPodWarnings("ns", enforce, []), []);
  const many = Array.from({ length: 3_001 }, (_, at) => named(`r${at}`, loud, "one"));
  t.same(existingPodWarnings("ns", { level: "restricted", minor: 7 }, [...many, named("last", loud)]), [
    "new PodSecurity enforce level only checked against the first 3000 of 3002 existing pods",
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "restricted:v1.7"',
    "last (and 2999 other pods): privileged, runAsNonRoot != true",
  ]);
  t.end();
});

const labels = (of: Readonly<Record<string, string>>): JsonObject =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
/** The texts of `Warning` headers, which come as one. */
const warningsOf = ({ headers }: Answer): readonly string[] =>
  [...String(headers["warning"] ?? "").matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
    text.replaceAll('\\"', '"'),
  );

t.test("a namespace's labels decide about its pods and warn about templates", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const made = { metadata: { name: "strict", labels: labels({ enforce: "baseline", warn: "restricted" }) } };
  t.equal((await call("POST", "/api/v1/namespaces", made)).statusCode, 201);
  const pods = "/api/v1/namespaces/strict/pods";

  const refused = await call("POST", pods, pod("a", { hostPID: true }));
  t.match(refused, {
    statusCode: 403,
    body: {
      reason: "Forbidden",
      details: { name: "a", kind: "pods" },
      message: 'pods "a" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    },
  });
  t.same(warningsOf(refused), [], "who is refused is not warned as well");
  t.equal((await call("POST", pods, pod("A_", { hostPID: true }))).statusCode, 422, "the pod's own rules come first");

  const warned = await call("POST", pods, pod("b"));
  t.equal(warned.statusCode, 201);
  t.match(warningsOf(warned), [
    /^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "c"/,
  ]);
  const quiet = await call("PATCH", `${pods}/b`, '{"metadata":{"labels":{"x":"y"}}}', {
    "content-type": "application/merge-patch+json",
  });
  t.same(warningsOf(quiet), [], "labels change nothing about what a pod may");
  const image = await call("PATCH", `${pods}/b`, '{"spec":{"containers":[{"name":"c","image":"busybox:2"}]}}', {
    "content-type": "application/strategic-merge-patch+json",
  });
  t.equal(warningsOf(image).length, 1, "an image does");
  const debug = {
    spec: { ephemeralContainers: [{ name: "d", image: "busybox:1", securityContext: { privileged: true } }] },
  };
  t.match(
    await call("PATCH", `${pods}/b/ephemeralcontainers`, JSON.stringify(debug), {
      "content-type": "application/strategic-merge-patch+json",
    }),
    { statusCode: 403, body: { message: /violates PodSecurity "baseline:latest": privileged \(container "d"/ } },
  );

  const template = {
    metadata: { labels: { a: "b" } },
    spec: { hostNetwork: true, containers: [{ name: "c", image: "i" }] },
  };
  const spec = { selector: { matchLabels: { a: "b" } }, template };
  const deployment = await call("POST", "/apis/apps/v1/namespaces/strict/deployments", {
    metadata: { name: "d" },
    spec,
  });
  t.equal(deployment.statusCode, 201, "templates are not refused");
  t.match(warningsOf(deployment), [
    /^would violate PodSecurity "restricted:latest": host namespaces \(hostNetwork=true\), allow/,
  ]);
  const job = {
    metadata: { name: "j" },
    spec: {
      schedule: "* * * * *",
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } },
    },
  };
  t.equal(warningsOf(await call("POST", "/apis/batch/v1/namespaces/strict/cronjobs", job)).length, 1);
});

t.test("labels must mean something, and whoever tightens them hears of the pods that are there", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  const wrong = { metadata: { name: "n", labels: labels({ enforce: "strict", "warn-version": "1.25" }) } };
  t.match(await call("POST", "/api/v1/namespaces", wrong), {
    statusCode: 422,
    body: {
      details: {
        causes: [
          {
            reason: "FieldValueInvalid",
            message: 'Invalid value: "strict": must be one of privileged, baseline, restricted',
            field: "metadata.labels[pod-security.kubernetes.io/enforce]",
          },
          {
            message: 'Invalid value: "1.25": must be "latest" or "v1.x"',
            field: "metadata.labels[pod-security.kubernetes.io/warn-version]",
          },
        ],
      },
    },
  });
  await call("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
  await call("POST", "/api/v1/namespaces/n/pods", pod("p", { hostIPC: true }));
  const label = (of: Readonly<Record<string, string>>): Promise<Answer> =>
    call("PATCH", "/api/v1/namespaces/n", JSON.stringify({ metadata: { labels: labels(of) } }), {
      "content-type": "application/merge-patch+json",
    });
  const tightened = await label({ enforce: "baseline", "enforce-version": "v1.30" });
  t.same(warningsOf(tightened), [
    'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:v1.30"',
    "p: host namespaces",
  ]);
  t.same(warningsOf(await label({ enforce: "privileged" })), [], "less is nothing to hear of");
  t.equal((await label({ audit: "loud" })).statusCode, 422);
  const enforced = await label({ enforce: "restricted" });
  t.equal(enforced.statusCode, 200);
  const refused = await call("POST", "/api/v1/namespaces/n/pods", pod("q"));
  t.match(refused.body, { message: /violates PodSecurity "restricted:v1\.30"/ });
});
