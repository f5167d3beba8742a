// The program itself: two of them on one API, one leads; when it is told to stop, it ends cleanly and the other leads.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import type { Lease, Namespace, ServiceAccount } from "@triarch/api";
import { adminToken, standaloneMaster, startApiServer } from "@triarch/apiserver";
import { seededRng, systemClock } from "@triarch/base";
import { ApiError, createKubeClient, renderKubeconfig, resourceRefs, type KubeClient } from "@triarch/client";

const main = new URL("../src/main.ts", import.meta.url).pathname;
const pollMs = 100;
t.setTimeout(60_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Asks until the answer is there. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
    await delay(pollMs);
  }
}

async function accountOf(client: KubeClient, namespace: string): Promise<ServiceAccount> {
  await client.create<Namespace>(resourceRefs.namespaces, { metadata: { name: namespace } });
  return eventually(() => client.get<ServiceAccount>(resourceRefs.serviceAccounts, { namespace, name: "default" }));
}

t.test("one leads, and another when it stops", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "controller-manager-"));
  const token = "sesame";
  const master = await startApiServer({
    ...(await standaloneMaster({
      dataDir,
      port: 0,
      token,
      secure: false,
      serviceCidr: "10.96.0.0/16",
      logLevels: "silent",
    })),
    tokens: [adminToken(token)],
  });
  const [address] = master.addresses;
  const server = `http://${address?.host}:${address?.port}`;
  const access = { servers: [server], token, insecureSkipTlsVerify: false };
  const kubeconfig = join(dataDir, "kubeconfig");
  writeFileSync(kubeconfig, renderKubeconfig({ cluster: "test", user: "test" }, server, access));
  const client = createKubeClient({ access, clock: systemClock, rng: seededRng(1), userAgent: "test" });
  const children = new Map<string, ChildProcess>();
  t.teardown(async () => {
    for (const child of children.values()) child.kill("SIGKILL");
    await client.close();
    await master.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  for (const name of ["first", "second"]) {
    const flags = ["--kubeconfig", kubeconfig, "--identity", name, "--health-port", String(await freePort())];
    children.set(name, spawn(process.execPath, [main, ...flags], { stdio: "ignore" }));
  }
  const leader = async (): Promise<string | undefined> => {
    const lease = await client.get<Lease>(resourceRefs.leases, {
      namespace: "kube-system",
      name: "kube-controller-manager",
    });
    return lease.spec?.holderIdentity?.split("_")[0] || undefined;
  };

  const leading = await eventually(leader);
  t.equal((await accountOf(client, "one")).metadata?.name, "default");
  const stopped = children.get(leading);
  if (stopped === undefined) throw new Error(`nobody is called ${leading}`);
  const ended = once(stopped, "exit");
  stopped.kill("SIGTERM");
  t.same(await ended, [0, null], "it ends cleanly");
  children.delete(leading);
  const [other = ""] = children.keys();
  await eventually(async () => ((await leader()) === other ? other : undefined));
  t.equal((await accountOf(client, "two")).metadata?.name, "default");
});
