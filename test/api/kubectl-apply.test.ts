// kubectl's server-side apply against an API server alone: conflict, its exit code and text, force, and the way over from
// client-side apply.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standaloneMaster, startApiServer } from "@triarch/apiserver";
import t from "tap";
import { findKubectl } from "../../tools/test/client-programs.ts";
import { top } from "../support/cluster.ts";
import { runProgram } from "../support/command.ts";

const kubectl = await findKubectl(top);
const skip = kubectl === undefined ? "there is no kubectl" : false;

t.test("kubectl apply --server-side", { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "kubectl-apply-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const options = { port: 0, token: "sesame", secure: true, serviceCidr: "10.96.0.0/16", logLevels: "error" };
  const master = await startApiServer(await standaloneMaster({ ...options, dataDir: join(folder, "data") }));
  t.teardown(() => master.close());
  const server = `https://127.0.0.1:${master.addresses[0]?.port}`;
  const access = ["--server", server, "--token", "sesame", "--insecure-skip-tls-verify", "--namespace", "default"];
  const run = (...args: readonly string[]) =>
    runProgram(kubectl ?? "", [...access, ...args], { env: { HOME: folder }, timeoutMs: 60_000 });
  const manifest = async (a: string): Promise<string> => {
    const file = join(folder, "manifest.yaml");
    await writeFile(file, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kc}\ndata: {a: "${a}", b: "1"}\n`);
    return file;
  };

  const made = await run("apply", "--server-side", "-f", await manifest("1"));
  t.match([made.exitCode, made.stdout], [0, "configmap/kc serverside-applied"]);
  const other = ["apply", "--server-side", "--field-manager=other", "-f", await manifest("2")];
  const refused = await run(...other);
  t.match([refused.exitCode, refused.stderr], [1, /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a/]);
  t.equal((await run(...other, "--force-conflicts")).exitCode, 0);
  t.equal((await run("get", "configmap", "kc", "-o", "jsonpath={.data.a}")).stdout, "2");

  t.equal((await run("delete", "configmap", "kc")).exitCode, 0);
  t.equal((await run("apply", "-f", await manifest("1"))).exitCode, 0, "client-side");
  const over = await run("apply", "--server-side", "-f", await manifest("3"));
  t.match([over.exitCode, over.stderr], [0, ""], "no conflict on the way over");
  const owners = await run(
    "get",
    "configmap",
    "kc",
    "--show-managed-fields",
    "-o",
    "jsonpath={.metadata.managedFields[*].manager}",
  );
  t.ok(owners.stdout.split(" ").includes("kubectl"), owners.stdout);
  t.notMatch(owners.stdout, /client-side-apply/, "what client-side apply owned has gone over");
});
