// Writes test/conformance/tests.generated.json: the names of Kubernetes' conformance tests, in the order of the facts.
// Usage: node tools/generate/conformance-tests.ts FACTS_FOLDER
//   conformance-v1.37.tsv    sig, class, feature, area, since, name
// Class: A needs the API server and controllers only, B a kubelet that runs trivial containers, C the pod network,
// Services, DNS or calls of the API server into pods, D volumes and features of Linux.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const factsFolder = process.argv[2];
if (factsFolder === undefined) throw new Error("usage: node tools/generate/conformance-tests.ts FACTS_FOLDER");
const [head, ...lines] = readFileSync(join(factsFolder, "conformance-v1.37.tsv"), "utf8").trim().split("\n");
if (!/^sig\tclass\tfeature\tarea\t\S+\tname$/.test(head ?? "")) throw new Error(`unknown columns: ${head}`);
const tests = lines.map((line) => {
  const [sig = "", testClass = "", feature = "", area = "", since = "", name = ""] = line.split("\t");
  return [sig, testClass, feature, area, since, name];
});
const file = join(import.meta.dirname, "..", "..", "test", "conformance", "tests.generated.json");
writeFileSync(file, `[\n${tests.map((test) => `  ${JSON.stringify(test)}`).join(",\n")}\n]\n`);
console.log(`${tests.length} tests written to ${file}`);
