// Three masters in this process, each with a real store thread: any of them serves, one may stop.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { request } from "undici";
import type { JsonObject } from "@triarch/api";
import { adminToken, startApiServer, type MasterOptions, type RunningMaster } from "../src/main.ts";
import { configMap, token, until } from "./support/test-server.ts";

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const maps = "/api/v1/namespaces/default/configmaps";

async function call(master: RunningMaster, method: "GET" | "POST", path: string, body?: JsonObject) {
  const answer = await request(`http://127.0.0.1:${master.addresses[0]?.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { statusCode: answer.statusCode, body: (await answer.body.json()) as JsonObject };
}

t.test("three masters", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "masters-"));
  const peerPorts = await freePorts(3);
  const names = ["m1", "m2", "m3"];
  const initialCluster = names.map((name, i) => ({
    name,
    peerUrl: `http://127.0.0.1:${peerPorts[i]}`,
    clientUrl: undefined,
  }));
  const optionsOf = (name: string, i: number): MasterOptions => ({
    ...{
      name,
      initialCluster,
      clusterToken: "test",
      dataDir: join(folder, name),
      etcd: undefined,
      logLevels: "silent",
    },
    peer: { listen: { host: "127.0.0.1", port: peerPorts[i] ?? 0 }, tls: undefined },
    ...{ listen: [{ host: "127.0.0.1", port: 0 }], tls: undefined, advertise: undefined, kubeletClient: undefined },
    ...{ tokens: [adminToken(token)], serviceCidr: "10.96.0.0/16" },
  });
  const masters = await Promise.all(names.map((name, i) => startApiServer(optionsOf(name, i))));
  const living = new Set(masters);
  t.teardown(async () => {
    await Promise.all([...living].map((master) => master.close()));
    await rm(folder, { recursive: true, force: true });
  });

  for (const [i, master] of masters.entries()) {
    t.equal((await call(master, "POST", maps, configMap(`c${i}`))).statusCode, 201, `a write through m${i + 1}`);
    for (const reader of masters) {
      t.equal((await call(reader, "GET", `${maps}/c${i}`)).statusCode, 200, "is read at once on every master");
    }
  }

  const [first, ...others] = masters as [RunningMaster, ...RunningMaster[]];
  living.delete(first);
  await first.close();
  for (const [i, master] of others.entries()) {
    await until(
      "writes go on",
      async () => (await call(master, "POST", maps, configMap(`after-${i}`))).statusCode === 201,
    );
  }
  const again = await startApiServer(optionsOf("m1", 0));
  living.add(again);
  t.equal((await call(again, "GET", `${maps}/after-1`)).statusCode, 200, "a master that comes back has what it missed");
});
