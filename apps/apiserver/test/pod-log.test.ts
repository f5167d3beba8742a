// Logs pass through from a kubelet, which sees our client certificate.
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import t from "tap";
import { request } from "undici";
import { issueCertificate } from "@triarch/pki";
import { pod, startTestServer, testCa, token, until } from "./support/test-server.ts";

const nowMs = Date.now();
const kubeletCert = await issueCertificate(testCa, {
  commonName: "n1",
  ipAddresses: ["127.0.0.1"],
  usages: ["server"],
  nowMs,
  validityDays: 1,
});
const clientCert = await issueCertificate(testCa, {
  ...{
    commonName: "kube-apiserver-kubelet-client",
    organizations: ["system:masters"],
    usages: ["client"],
    nowMs,
    validityDays: 1,
  },
});

const seen: { readonly url: string; readonly user: unknown }[] = [];
let say: (text: string | undefined) => void = () => undefined;
const kubelet = createServer(
  {
    cert: kubeletCert.certificatePem,
    key: kubeletCert.keyPem,
    ca: testCa.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  },
  (incoming, response) => {
    const url = incoming.url ?? "";
    seen.push({ url, user: (incoming.socket as TLSSocket).getPeerCertificate().subject.CN });
    if (url.endsWith("/bad")) return void response.writeHead(400).end("container is waiting to start");
    response.writeHead(200, { "content-type": "text/plain" }).write("first\n");
    if (!url.includes("follow=true")) return void response.end();
    say = (text) => (text === undefined ? response.end() : response.write(text));
  },
);
await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
const server = await startTestServer({
  kubeletClient: { certificatePem: clientCert.certificatePem, keyPem: clientCert.keyPem, caPem: testCa.certificatePem },
});
t.teardown(async () => {
  await server.close();
  kubelet.closeAllConnections();
  kubelet.close();
});
const { call } = server;
const pods = "/api/v1/namespaces/default/pods";
const containers = (...names: string[]) => ({
  nodeName: "n1",
  containers: names.map((name) => ({ name, image: "i:1" })),
});

t.before(async () => {
  await call("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } });
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } },
  };
  await call("PATCH", "/api/v1/nodes/n1/status", { status }, { "content-type": "application/merge-patch+json" });
  await call("POST", pods, pod("one", containers("web")));
  await call("POST", pods, pod("two", containers("web", "bad")));
});

t.test("the only container, with the query passed on", async (t) => {
  const answer = await call("GET", `${pods}/one/log?tailLines=5&timestamps=true&pretty=true`);
  t.match([answer.statusCode, answer.text, answer.headers["content-type"]], [200, "first\n", "text/plain"]);
  t.same(seen.at(-1), {
    url: "/containerLogs/default/one/web?timestamps=true&tailLines=5",
    user: "kube-apiserver-kubelet-client",
  });
});

t.test("which container must be said where there are several", async (t) => {
  t.match((await call("GET", `${pods}/two/log`)).body, {
    code: 400,
    message: "a container name must be specified for pod two, choose one of: [web bad]",
  });
  t.match(
    (await call("GET", `${pods}/two/log?container=none`)).body["message"],
    "container none is not valid for pod two",
  );
  t.match((await call("GET", `${pods}/two/log?container=bad`)).body, {
    code: 400,
    message: "container is waiting to start",
  });
});

t.test("following: lines come as they are written, and the end ends", async (t) => {
  const { body } = await request(`${server.url}${pods}/one/log?follow=true`, {
    dispatcher: server.agent,
    headers: { authorization: `Bearer ${token}` },
  });
  let text = "";
  const ended = (async () => {
    for await (const chunk of body.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
  })();
  await until("the first line", () => text === "first\n");
  say("second\n");
  await until("the second line", () => text === "first\nsecond\n");
  say(undefined);
  await ended;
  t.equal(text, "first\nsecond\n");
});
