// Runs inside a network namespace made for it: pods on Docker through the whole kubelet. Prints one JSON line per check.
import { get } from "node:http";
import { request } from "node:https";
import type { Container, Pod, PodSpec } from "@triarch/api";
import { resourceRefs } from "@triarch/client";
import { dockerClient, localImage, runCommand } from "@triarch/machine";
import { isReady, podGone, podWhere, startTestNode, until, type TestNode } from "./test-node.ts";

const docker = dockerClient();

function check(name: string, ok: boolean, detail: unknown = ""): void {
  process.stdout.write(`${JSON.stringify({ name, ok, detail: ok ? "" : detail })}\n`);
}

function pod(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: name } },
    spec: {
      nodeName: "node-1",
      terminationGracePeriodSeconds: 2,
      containers: [{ name: "main", image: localImage, ...container }],
      ...spec,
    },
  };
}

const sh = (script: string): Pick<Container, "command"> => ({ command: ["sh", "-c", script] });

async function session(node: TestNode): Promise<void> {
  const { client } = node;
  const containers = (all = true): Promise<readonly { Id: string }[]> =>
    docker.listContainers({ all, filters: { label: [`triarch.dev/cluster=${node.clusterId}`] } });
  const logs = async (name: string, query = ""): Promise<{ code: number; text: string }> => {
    const { cert, key, ca } = node.clientCertificate;
    const path = `/containerLogs/default/${name}/main?${query}`;
    return new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port: node.kubeletPort, path, cert, key, ca, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => resolve({ code: answer.statusCode ?? 0, text }));
      })
        .on("error", reject)
        .end();
    });
  };

  await client.create(resourceRefs.pods, {
    ...pod("web", {
      ...sh(
        'mkdir -p /srv; echo "hello from $(hostname)" > /srv/index.html; echo ready; exec httpd -f -p 8080 -h /srv',
      ),
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
      env: [{ name: "MY_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
    }),
  });
  const web = await podWhere(client, "web", "is ready", isReady);
  const ip = web.status?.podIP ?? "";
  check(
    "a pod with a readiness probe gets ready, with an address of the pod network",
    /^10\.99\.7\./.test(ip),
    web.status,
  );
  const page = await new Promise<string>((resolve, reject) => {
    get(`http://${ip}:8080/`, { agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(text));
    }).on("error", reject);
  });
  check("it serves under its host name", page.trim() === "hello from web", page);
  const log = await logs("web", "tailLines=1");
  check("its log comes from the kubelet's server", log.code === 200 && log.text === "ready\n", log);
  const waitingLog = await logs("web", "previous=true");
  check("there is no previous log", waitingLog.code === 400 && waitingLog.text.includes("not found"), waitingLog);

  const before = web.status?.containerStatuses?.[0]?.containerID;
  check("a kubelet that is stopped ends cleanly", (await node.stopKubelet()) === 0);
  const ids = async (): Promise<string> => JSON.stringify((await containers(false)).map((one) => one.Id).sort());
  const runOn = await ids();
  check("its containers run on", (await containers(false)).length === 2);
  await node.startKubelet();
  await podWhere(client, "web", "is ready again", isReady);
  const adopted = await client.get<Pod>(resourceRefs.pods, { namespace: "default", name: "web" });
  const after = adopted.status?.containerStatuses?.[0];
  const same = after?.containerID === before && after?.restartCount === 0 && (await ids()) === runOn;
  check("the next kubelet adopts them", same, after);

  await node.stopApiServer();
  const ofWeb = ["triarch.dev/pod-name=web", "triarch.dev/kind=container", `triarch.dev/cluster=${node.clusterId}`];
  const webContainer = async (): Promise<string | undefined> =>
    (await docker.listContainers({ filters: { label: ofWeb } }))[0]?.Id;
  const killed = await webContainer();
  await docker.getContainer(killed ?? "").kill();
  const next = await until("a killed container is restarted without the API", async () => {
    const id = await webContainer();
    return id === killed ? undefined : id;
  });
  check("while the API is away containers are restarted", next !== "");
  node.startApiServer();
  const told = await podWhere(
    client,
    "web",
    "was restarted",
    (one) => isReady(one) && one.status?.containerStatuses?.[0]?.containerID === `docker://${next}`,
    30_000,
  );
  check("the API learns it when it is back", told.status?.containerStatuses?.[0]?.restartCount === 1, told.status);

  await client.create(resourceRefs.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "default" },
    data: { color: "green", "a.txt": "from a file\n" },
  } as Pod);
  await client.create(resourceRefs.pods, {
    ...pod(
      "once",
      {
        ...sh("echo $COLOR $(cat /config/a.txt) $(cat /work/made) $EXPANDED; exit 3"),
        env: [
          { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
          { name: "EXPANDED", value: "is-$(COLOR)" },
        ],
        volumeMounts: [
          { name: "config", mountPath: "/config" },
          { name: "work", mountPath: "/work" },
        ],
      },
      {
        restartPolicy: "Never",
        initContainers: [
          {
            name: "first",
            image: localImage,
            ...sh("echo init > /work/made"),
            volumeMounts: [{ name: "work", mountPath: "/work" }],
          },
        ],
        volumes: [
          { name: "config", configMap: { name: "settings" } },
          { name: "work", emptyDir: {} },
        ],
      },
    ),
  });
  const once = await podWhere(client, "once", "failed", (one) => one.status?.phase === "Failed");
  const ended = once.status?.containerStatuses?.[0]?.state?.terminated;
  check("a pod that may not restart ends as Failed with its exit code", ended?.exitCode === 3, once.status);
  const onceLog = await logs("once");
  check(
    "it saw its init container's file, its ConfigMap and its variables",
    onceLog.text === "green from a file init is-green\n",
    onceLog,
  );

  await client.create(resourceRefs.pods, pod("crash", sh("echo run; sleep 0.2; exit 1")));
  const crash = await podWhere(
    client,
    "crash",
    "backs off",
    (one) => one.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff",
  );
  check(
    "a crashing container is restarted, then backs off",
    crash.status?.containerStatuses?.[0]?.restartCount === 1,
    crash.status,
  );
  check("its previous log is there", (await logs("crash", "previous=true")).text === "run\n");

  await client.create(resourceRefs.pods, pod("missing", { image: "triarch/none:such", imagePullPolicy: "Never" }));
  await podWhere(
    client,
    "missing",
    "has no image",
    (one) => one.status?.containerStatuses?.[0]?.state?.waiting?.reason === "ErrImageNeverPull",
  );
  check("an image that may not be pulled shows as ErrImageNeverPull", true);

  const probed = pod("probed", {
    ...sh("trap 'exit 0' TERM; touch /alive; while true; do sleep 0.1; done"),
    livenessProbe: { exec: { command: ["test", "-e", "/alive"] }, periodSeconds: 1, failureThreshold: 1 },
    lifecycle: { preStop: { exec: { command: ["sh", "-c", "echo bye > /proc/1/fd/1"] } } },
  });
  await client.create(resourceRefs.pods, probed);
  await podWhere(client, "probed", "is ready", isReady);
  const [probedContainer] = await docker.listContainers({
    filters: {
      label: ["triarch.dev/pod-name=probed", "triarch.dev/kind=container", `triarch.dev/cluster=${node.clusterId}`],
    },
  });
  await docker
    .getContainer(probedContainer?.Id ?? "")
    .exec({ Cmd: ["rm", "/alive"] })
    .then((exec) => exec.start({}));
  await podWhere(
    client,
    "probed",
    "was restarted",
    (one) => (one.status?.containerStatuses?.[0]?.restartCount ?? 0) === 1,
  );
  check("a failed liveness probe restarts the container", true);
  const bye = await logs("probed", "previous=true");
  check("its preStop hook ran", bye.text === "bye\n", bye);

  for (const name of ["web", "once", "crash", "missing", "probed"]) {
    await client.delete(resourceRefs.pods, { namespace: "default", name });
  }
  for (const name of ["web", "once", "crash", "missing", "probed"]) await podGone(client, name);
  await until("no container is left", async () => ((await containers()).length === 0 ? true : undefined));
  check("deleted pods leave the API and leave no container", true);
  const links = await runCommand("ip", ["-o", "link", "show", "type", "veth"]);
  check("no interface is left", links.trim() === "", links);
}

const node = await startTestNode("docker", "10.99.7.0/24");
try {
  await session(node);
} catch (error) {
  check("the session goes to its end", false, error instanceof Error ? error.stack : String(error));
} finally {
  await node.close();
  const left = await docker.listContainers({
    all: true,
    filters: { label: [`triarch.dev/cluster=${node.clusterId}`] },
  });
  await Promise.all(left.map((one) => docker.getContainer(one.Id).remove({ force: true, v: true })));
}
