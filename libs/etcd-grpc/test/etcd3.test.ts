import { Etcd3 } from "etcd3";
import t from "tap";
import { etcd3Suite, type Connect } from "./etcd3-suite.ts";
import { startEtcdPort } from "./etcd-port.ts";
import { startPlainPort } from "./plain-port.ts";
import { needsEtcd, startRealEtcd } from "./real-etcd.ts";

// Unmodified etcd3 of npm, which stands on grpc-js: in plain text, and with certificates, where it checks ours by the name
// it dialled.

t.setTimeout(60_000);

t.test("in plain text", async (t) => {
  const port = await startPlainPort(t.testdir({}));
  t.teardown(() => port.close());
  const connect: Connect = (auth) => new Etcd3({ hosts: port.url, ...(auth === undefined ? {} : { auth }) });
  etcd3Suite(t, connect, /^3\.6\./);
});

t.test("over mutual TLS, by name", async (t) => {
  const port = await startEtcdPort(t.testdir({}));
  t.teardown(() => port.close());
  const credentials = {
    rootCertificate: Buffer.from(port.caPem),
    privateKey: Buffer.from(port.client.keyPem),
    certChain: Buffer.from(port.client.certificatePem),
  };
  const hosts = port.url.replace("127.0.0.1", "localhost");
  const connect: Connect = (auth) => new Etcd3({ hosts, credentials, ...(auth === undefined ? {} : { auth }) });
  etcd3Suite(t, connect, /^3\.6\./);
});

t.test("the same against real etcd, which says that it is right about it", needsEtcd, async (t) => {
  const port = await startRealEtcd(t.testdir({}));
  t.teardown(() => port.close());
  etcd3Suite(t, (auth) => new Etcd3({ hosts: port.url, ...(auth === undefined ? {} : { auth }) }), /^3\./);
});
