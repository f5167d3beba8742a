import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parseScenario } from "@triarch/base";
import { ScenarioRunner } from "./scenario-runner.ts";

const folder = join(import.meta.dirname, "scenarios");

for (const file of readdirSync(folder).sort()) {
  t.test(file, (t) => {
    const runner = new ScenarioRunner();
    for (const { line, command, expected } of parseScenario(readFileSync(join(folder, file), "utf8"))) {
      t.equal(runner.run(command), expected, `${file}:${line} ${command}`);
    }
    t.end();
  });
}
