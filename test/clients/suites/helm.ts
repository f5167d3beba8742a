// A release's life with an unmodified helm: the chart beside this folder has hooks and a test; what controllers would do
// is done by a stand-in.
import { join } from "node:path";
import t, { type Test } from "tap";
import { findHelm, findKubectl, type HelmVersion } from "../../../tools/test/client-programs.ts";
import { clientProgram, startApiProcess, type ClientProgram } from "../../support/api-process.ts";
import { top } from "../../support/cluster.ts";
import { needs, needsHelm, needsKubectl } from "../../support/requirements.ts";
import { standInControllers } from "../../support/stand-in-controllers.ts";

const chart = join(import.meta.dirname, "..", "chart");
const waiting = ["--wait", "--timeout", "40s"];

interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly revision: string;
  readonly status: string;
}

export async function helmWorks(version: HelmVersion): Promise<void> {
  const skip = await needs(needsKubectl(), Promise.resolve(needsHelm(version)));
  if (skip !== false) {
    t.test(`helm ${version}`, { skip }, () => undefined);
    return;
  }
  const server = await startApiProcess();
  const standIn = await standInControllers(server.kubeconfig);
  t.teardown(async () => {
    await standIn.close();
    await server.close();
  });
  const helm = clientProgram(findHelm(top, version) ?? "", server);
  const kubectl = clientProgram((await findKubectl(top)) ?? "", server);
  t.test(`helm ${version}: install, status, test`, (t) => installs(t, helm, kubectl));
  t.test(`helm ${version}: upgrade, rollback, history`, (t) => upgrades(t, helm, kubectl));
  t.test(`helm ${version}: what is refused leaves the release before it`, (t) => refuses(t, helm, kubectl));
  t.test(`helm ${version}: uninstall`, (t) => uninstalls(t, helm, kubectl));
  t.test(`helm ${version}: the stand-in for controllers could do its part`, (t) => {
    t.same(standIn.failures(), []);
    t.end();
  });
}

async function releases(helm: ClientProgram): Promise<readonly Release[]> {
  return JSON.parse(await helm.must(["list", "-o", "json"])) as Release[];
}

const data = (kubectl: ClientProgram, what: string, key: string): Promise<string> =>
  kubectl.must(["get", what, "-o", `jsonpath={.data.${key}}`]);

async function installs(t: Test, helm: ClientProgram, kubectl: ClientProgram): Promise<void> {
  await kubectl.must(["create", "configmap", "helm-lookup", "--from-literal=found=something"]);
  const dry = await helm.must(["install", "rel", chart, "--dry-run=server"]);
  t.match(dry, /before: "something"/, "a dry run on the server looks objects up");
  t.equal(await kubectl.must(["get", "deployment,secret,job", "-o", "name"]), "", "and leaves nothing");

  const installed = await helm.must(["install", "rel", chart, ...waiting]);
  t.match(installed, /STATUS: deployed\nREVISION: 1\n/);
  t.match(installed, "rel greets with hello.");
  t.match(await releases(helm), [{ name: "rel", namespace: "default", revision: "1", status: "deployed" }]);
  t.match(await helm.must(["status", "rel"]), "STATUS: deployed");
  const job = ["get", "job", "rel-prepare", "-o", "jsonpath={.status.conditions[*].type}"];
  t.match(await kubectl.must(job), "Complete", "the hook's Job ran first");
  t.equal(await data(kubectl, "configmap/rel-config", "serverVersion"), "v1.36.3");
  t.equal(await data(kubectl, "configmap/rel-config", "hasJobs"), "true");
  t.equal(await data(kubectl, "configmap/rel-after", "revision"), "1", "the hook afterwards");
  const record = await kubectl.must(["get", "secret", "sh.helm.release.v1.rel.v1", "-o", "jsonpath={.type}"]);
  t.equal(record, "helm.sh/release.v1");

  t.match(await helm.must(["test", "rel"]), /TEST SUITE: +rel-greets\n[^]*Phase: +Succeeded/);
  const again = await helm.run(["install", "rel", chart]);
  t.match([again.exitCode, again.stderr], [1, /cannot re-?use a name that is still in use/]);
}

async function upgrades(t: Test, helm: ClientProgram, kubectl: ClientProgram): Promise<void> {
  const values = ["--set", "greeting=moin,extra=true,image=greeter:2,replicas=3"];
  t.match(await helm.must(["upgrade", "rel", chart, ...values, ...waiting]), "REVISION: 2");
  t.equal(await data(kubectl, "configmap/rel-config", "greeting"), "moin");
  t.equal(await kubectl.must(["get", "secret", "rel-extra", "-o", "name"]), "secret/rel-extra\n", "a new object");
  const deployed = ["get", "deployment", "rel", "-o", "jsonpath={.spec.replicas} {..image}"];
  t.equal(await kubectl.must(deployed), "3 greeter:2");
  t.match(JSON.parse(await helm.must(["get", "values", "rel", "-o", "json"])), { greeting: "moin", extra: true });

  t.match(await helm.must(["rollback", "rel", "1", ...waiting]), "Rollback was a success");
  t.equal(await data(kubectl, "configmap/rel-config", "greeting"), "hello");
  t.equal(await kubectl.must(deployed), "2 greeter:1");
  t.equal((await kubectl.run(["get", "secret", "rel-extra"])).exitCode, 1, "what the upgrade brought is gone");
  const history = JSON.parse(await helm.must(["history", "rel", "-o", "json"])) as readonly Release[];
  t.same(
    history.map(({ revision, status }) => [revision, status]),
    [
      [1, "superseded"],
      [2, "superseded"],
      [3, "deployed"],
    ],
  );
}

async function refuses(t: Test, helm: ClientProgram, kubectl: ClientProgram): Promise<void> {
  const failed = await helm.run(["upgrade", "rel", chart, "--set", "broken=true"]);
  t.match(
    [failed.exitCode, failed.stderr],
    [1, /UPGRADE FAILED: .*spec\.template\.spec\.containers\[0\]\.imagePullPolicy: Unsupported value: "Sometimes"/],
  );
  const image = ["get", "deployment", "rel", "-o", "jsonpath={..image}"];
  t.equal(await kubectl.must(image), "greeter:1");
  const nowhere = await helm.run(["install", "other", chart, "--namespace", "nowhere"]);
  t.match([nowhere.exitCode, nowhere.stderr], [1, /namespaces "nowhere" not found/]);
  t.match(
    await helm.must(["install", "other", chart, "--namespace", "made", "--create-namespace"]),
    "STATUS: deployed",
  );
  t.equal(await kubectl.must(["get", "service", "-n", "made", "-o", "name"]), "service/other\n");
}

async function uninstalls(t: Test, helm: ClientProgram, kubectl: ClientProgram): Promise<void> {
  t.match(await helm.must(["uninstall", "rel", ...waiting]), 'release "rel" uninstalled');
  t.same(await releases(helm), []);
  const gone = ["get", "deployment/rel", "service/rel", "configmap/rel-config", "job/rel-clean", "--ignore-not-found"];
  t.equal(await kubectl.must([...gone, "-o", "name"]), "");
  t.equal(await kubectl.must(["get", "secret", "-l", "owner=helm", "-o", "name"]), "", "the records too");
  const missing = await helm.run(["uninstall", "rel"]);
  t.match([missing.exitCode, missing.stderr], [1, /release: not found/]);
}
