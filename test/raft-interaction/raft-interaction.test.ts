import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import t from "tap";
import { runScript } from "./script.ts";

const scripts = join(import.meta.dirname, "../../../shared/etcd-raft");

t.test("the runner reports a difference", (t) => {
  const text = ["add-nodes 1 voters=(1) index=3", "----", "ok", "", "raft-state", "----", "1: StateLeader", ""].join(
    "\n",
  );
  const differences = runScript(text);
  t.equal(differences.length, 1);
  t.match(differences[0], { line: 5, command: "raft-state", actual: "1: StateFollower (Voter) Term:0 Lead:0" });
  t.end();
});

t.test("a script that stops halfway fails", (t) => {
  t.match(runScript("campaign 1\n----\nok\n"), [{ line: 1, actual: /no member 1/ }]);
  t.end();
});

if (existsSync(scripts)) {
  for (const file of globSync("{.,*}/testdata/*.txt", { cwd: scripts }).sort()) {
    t.test(join(basename(dirname(dirname(file))), basename(file)), (t) => {
      t.same(runScript(readFileSync(join(scripts, file), "utf8")), []);
      t.end();
    });
  }
} else {
  t.test("etcd-raft's scripts", { skip: "they are not beside the project" }, (t) => t.end());
}
