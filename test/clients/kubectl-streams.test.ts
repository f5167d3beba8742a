// kubectl's exec, attach, cp and port-forward, over WebSockets and over SPDY, through the API server to a kubelet that runs
// processes of this machine (a stand-in, with the streaming protocols of the real one).
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Exec, KubeConfig, PortForward, type V1Status } from "@kubernetes/client-node";
import t from "tap";
import { request } from "undici";
import { assertDefined } from "@triarch/base";
import { renderKubeconfig } from "@triarch/client";
import { kubeletCredentials, startStandInKubelet } from "../../apps/apiserver/test/support/stand-in-kubelet.ts";
import { pod, startTestServer, testCa, token } from "../../apps/apiserver/test/support/test-server.ts";
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import { runProgram, startProgram } from "../support/command.ts";
import { hasCommand, type CommandOptions } from "@triarch/machine";

const kubelet = await startStandInKubelet();
const server = await startTestServer({ kubeletClient: await kubeletCredentials() });
const folder = await mkdtemp(join(tmpdir(), "kubectl-streams-"));
const kubeconfig = join(folder, "kubeconfig");
const access = { servers: [server.url], caPem: testCa.certificatePem, token, insecureSkipTlsVerify: false };
await writeFile(kubeconfig, renderKubeconfig({ cluster: "test", user: "admin" }, server.url, access));
t.teardown(async () => {
  await server.close();
  await kubelet.close();
  await rm(folder, { recursive: true, force: true });
});
await kubelet.join(server.call, "n1");
const pods = "/api/v1/namespaces/default/pods";
for (const name of ["p", "gone"]) {
  await server.call("POST", pods, pod(name, { nodeName: "n1" }));
  const merge = { "content-type": "application/merge-patch+json" };
  await server.call("PATCH", `${pods}/${name}/status`, { status: { phase: "Running" } }, merge);
}
const kubectl = await findKubectl(top);
const skip = kubectl === undefined ? "there is no kubectl" : false;
const megabytes = randomBytes(5 * 1024 * 1024);
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

for (const [transport, isOn, command, ports] of [
  ["WebSocket", "true", "v5.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"],
  ["SPDY", "false", "SPDY/3.1", "SPDY/3.1"],
] as const) {
  const env = {
    KUBECONFIG: kubeconfig,
    HOME: folder,
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: isOn,
    KUBECTL_PORT_FORWARD_WEBSOCKETS: isOn,
  };
  const run = (args: readonly string[], options: CommandOptions = {}) =>
    runProgram(kubectl ?? "", args, { timeoutMs: 30_000, ...options, env });

  t.test(`${transport}: exec`, { skip }, async (t) => {
    const both = await run(["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    t.same([both.exitCode, both.stdout], [7, "out\n"]);
    t.equal(both.stderr, "err\ncommand terminated with exit code 7\n");
    t.equal(kubelet.upgrades.at(-1), command, "over the protocol that was asked for, not a fallback");
    t.ok(kubelet.callers.has("kube-apiserver-kubelet-client"));
    t.match(await run(["exec", "p", "--", "true"]), { exitCode: 0, stdout: "", stderr: "" });
    t.match(await run(["exec", "p", "--", "/no/such/program"]), { exitCode: 1, stderr: /ENOENT/ });
    const args = ["a b", "c&d=e", "ü%2f", ""];
    const told = await run(["exec", "p", "--", "printf", "%s|", ...args]);
    t.equal(told.stdout, args.map((arg) => `${arg}|`).join(""), "arguments arrive as they are");
  });

  t.test(`${transport}: megabytes through stdin and back`, { skip }, async (t) => {
    const sum = await run(["exec", "-i", "p", "--", "sha256sum"], { input: megabytes });
    t.equal(sum.stdout.slice(0, 64), hashOf(megabytes));
    const back = await run(["exec", "-i", "p", "--", "base64", "-w0"], { input: megabytes });
    t.equal(hashOf(Buffer.from(back.stdout, "base64")), hashOf(megabytes));
    const partly = await run(["exec", "-i", "p", "--", "head", "-c", "3"], { input: megabytes });
    t.match(partly, { exitCode: 0 }, "a command that does not read all of it ends");
  });

  t.test(`${transport}: cp there and back`, { skip }, async (t) => {
    const [from, there, back] = ["from", "there", "back"].map((name) => join(folder, `${transport}-${name}`));
    await writeFile(from ?? "", megabytes);
    t.match(await run(["cp", from ?? "", `p:${there}`]), { exitCode: 0 });
    t.equal(hashOf(await readFile(there ?? "")), hashOf(megabytes));
    t.match(await run(["cp", `p:${there}`, back ?? ""]), { exitCode: 0 });
    t.equal(hashOf(await readFile(back ?? "")), hashOf(megabytes));
  });

  t.test(`${transport}: attach`, { skip }, async (t) => {
    const { exitCode, stdout } = await run(["attach", "-i", "p"], { input: "hello\n" });
    t.same([exitCode, stdout], [0, "hello\n"]);
    t.match(kubelet.commands.at(-1), { kind: "attach", container: "c", stdin: true, tty: false });
  });

  t.test(`${transport}: what can't be done is told as an ordinary answer`, { skip }, async (t) => {
    t.match(await run(["exec", "nobody", "--", "true"]), { exitCode: 1, stderr: /pods "nobody" not found/ });
    t.match(await run(["exec", "gone", "--", "true"]), { exitCode: 1, stderr: /container not found \("c"\)/ });
    const wrong = await run(["exec", "p", "-c", "none", "--", "true"]);
    t.match(wrong, { exitCode: 1, stderr: /container (none is not valid|not found in pod|none not found)/ });
  });

  t.test(`${transport}: a terminal's size`, { skip: skip || !(await hasCommand("script")) }, async (t) => {
    const inTerminal = `stty rows 41 cols 123; exec ${kubectl} exec -it p -- sh -c 'read line; echo "<$line>"'`;
    const { stdout } = await runProgram("script", ["-qec", inTerminal, "/dev/null"], {
      ...{ env, input: "hello\n", timeoutMs: 20_000 },
    });
    t.match(stdout, /<hello>/);
    t.match(kubelet.sizes.at(-1), { width: 123, height: 41 });
    t.match(kubelet.commands.at(-1), { tty: true, stderr: false });
  });

  t.test(`${transport}: port-forward, many connections, each side's end by itself`, { skip }, async (t) => {
    // Answers only once the client has said that this was all.
    const summing = createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash("sha256");
      socket
        .on("data", (chunk) => hash.update(chunk))
        .on("end", () => socket.end(hash.digest("hex") + "-".repeat(2e6)));
    }).listen(0, "127.0.0.1");
    await once(summing, "listening");
    const { port } = summing.address() as AddressInfo;
    const forwarding = startProgram(kubectl ?? "", ["port-forward", "--address", "127.0.0.1", "p", `:${port}`], {
      env,
    });
    t.teardown(async () => {
      forwarding.signal("SIGKILL");
      summing.close();
      await forwarding.ended(10_000);
    });
    await forwarding.waitForOutput(/Forwarding from 127\.0\.0\.1:\d+/, 20_000);
    const local = Number(/127\.0\.0\.1:(\d+)/.exec(forwarding.output())?.[1]);
    t.equal(kubelet.upgrades.at(-1), ports);
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const socket = connect({ port: local, host: "127.0.0.1", allowHalfOpen: true });
        const mine = megabytes.subarray(i, i + 1_000_000);
        socket.end(mine);
        const chunks: Buffer[] = [];
        for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
        const text = Buffer.concat(chunks).toString();
        return text.length === 2_000_064 && text.startsWith(hashOf(mine));
      }),
    );
    t.same(
      answers,
      Array.from({ length: 8 }, () => true),
    );
    summing.close();
    const refused = connect({ port: local, host: "127.0.0.1" });
    refused.on("error", () => undefined);
    await once(refused, "close");
    await forwarding.waitForOutput(/an error occurred forwarding .*ECONNREFUSED/, 20_000);
  });
}

t.test("the JavaScript client: exec and port-forward", async (t) => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = Promise.withResolvers<V1Status>();
  const script = ["sh", "-c", "cat; echo err >&2; exit 3"];
  await new Exec(config).exec("default", "p", "c", script, stdout, stderr, stdin, false, (status) =>
    ended.resolve(status),
  );
  stdin.end("hello");
  t.match(await ended.promise, { status: "Failure", details: { causes: [{ reason: "ExitCode", message: "3" }] } });
  t.same([String(stdout.read()), String(stderr.read())], ["hello", "err\n"]);

  const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  t.teardown(() => echo.close());
  const { port } = echo.address() as AddressInfo;
  const [output, errors, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const socket = await new PortForward(config).portForward("default", "p", [port], output, errors, input);
  input.write("there and back");
  t.equal(String((await once(output, "data"))[0]), "there and back");
  if (typeof socket !== "function") socket.close();
});

t.test("kubectl proxy, and a node through it", { skip }, async (t) => {
  kubelet.serve((incoming, response) => response.end(`kubelet ${incoming.url}`));
  const env = { KUBECONFIG: kubeconfig, HOME: folder };
  const proxy = startProgram(kubectl ?? "", ["proxy", "--port=0"], { env });
  t.teardown(async () => {
    proxy.signal("SIGKILL");
    await proxy.ended(10_000);
  });
  await proxy.waitForOutput(/Starting to serve on \S+\n/, 20_000);
  const at = /serve on (\S+)/.exec(proxy.output())?.[1];
  const read = async (path: string): Promise<string> => (await request(`http://${at}${path}`)).body.text();
  t.match(JSON.parse(await read(`${pods}/p`)), { kind: "Pod", metadata: { name: "p" } });
  t.equal(await read("/api/v1/nodes/n1/proxy/stats/summary?x=1"), "kubelet /stats/summary?x=1");
});

t.test("a client that is killed takes its command along, and nothing stays", { skip }, async (t) => {
  const env = { KUBECONFIG: kubeconfig, HOME: folder };
  const endless = startProgram(kubectl ?? "", ["exec", "p", "--", "sh", "-c", "echo begun; sleep 1000"], { env });
  await endless.waitForOutput("begun", 20_000);
  t.equal(kubelet.running.size, 1);
  const [child] = kubelet.running;
  const exited = once(assertDefined(child, "it runs"), "exit");
  endless.signal("SIGKILL");
  await endless.ended(10_000);
  await exited;
  t.equal(kubelet.running.size, 0);
});
