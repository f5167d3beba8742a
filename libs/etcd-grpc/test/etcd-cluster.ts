import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { startStore, type RunningStore } from "@triarch/etcd-server";
import { silentLogger } from "@triarch/telemetry";
import { etcdctlFor, makeCredentials, openPort, type Credentials, type CtlRun, type EtcdPort } from "./etcd-port.ts";

/** Three members in this process, each on a disk of its own behind a real port with mutual TLS. */
export interface EtcdCluster {
  readonly ports: readonly EtcdPort[];
  readonly credentials: Credentials;
  /** The member that leads, once there is one that all follow. */
  leader(): Promise<EtcdPort>;
  /** Some member that does not. */
  follower(): Promise<EtcdPort>;
  /** Stops a member; its port is gone, its disk is not. */
  stop(port: EtcdPort): Promise<void>;
  /** With all endpoints. */
  readonly etcdctl: (...args: readonly string[]) => Promise<CtlRun>;
  close(): Promise<void>;
}

export async function startEtcdCluster(
  dir: string,
  names: readonly string[] = ["m1", "m2", "m3"],
): Promise<EtcdCluster> {
  const credentials = await makeCredentials();
  const peerPorts = await freePorts(names.length);
  const initialMembers = names.map((name, i) => ({ name, peerUrls: [`http://127.0.0.1:${peerPorts[i]}`] }));
  const running = new Map<EtcdPort, RunningStore>();
  await Promise.all(
    names.map(async (name, i) => {
      const store = await startStore({
        name,
        dataDir: join(dir, name),
        clusterToken: "test",
        initialMembers,
        clientUrls: [`https://${name}.test:2379`],
        listenPeer: { host: "127.0.0.1", port: peerPorts[i] ?? 0 },
        logger: silentLogger,
        onFatal: (error) => {
          throw error;
        },
      });
      running.set(await openPort({ dir: join(dir, `client-${i}`), store, credentials }), store);
    }),
  );
  const ports = [...running.keys()].sort((left, right) => (left.memberId < right.memberId ? -1 : 1));
  const leader = async (): Promise<EtcdPort> => {
    for (;;) {
      const live = [...running.keys()];
      const id = live[0]?.server.leaderId() ?? 0n;
      const found = live.find(({ memberId }) => memberId === id);
      if (found !== undefined && live.every(({ server }) => server.leaderId() === id)) return found;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await leader();
  const etcdctl = etcdctlFor({ dir: join(dir, "client"), urls: ports.map(({ url }) => url), credentials });
  return {
    ports,
    credentials,
    leader,
    async follower() {
      const id = (await leader()).memberId;
      const found = [...running.keys()].find(({ memberId }) => memberId !== id);
      if (found === undefined) throw new Error("no follower is running");
      return found;
    },
    async stop(port) {
      running.delete(port);
      await port.close();
    },
    etcdctl: (...args) => etcdctl({}, ...args),
    async close() {
      await Promise.all([...running.keys()].map((port) => port.close()));
    },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
