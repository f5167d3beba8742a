// Calls of kubectl with what each must print. A suite is a function over one server, so that every version of kubectl
// can be taken through it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { clientProgram, startApiProcess, type ClientProgram } from "../../support/api-process.ts";

/** Strings must be contained. */
export interface Wanted {
  /** Default 0. */
  readonly exitCode?: number;
  readonly stdout?: string | RegExp;
  /** Default: nothing at all, so no warning either. */
  readonly stderr?: string | RegExp;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Kubectl extends ClientProgram {
  readonly folder: string;
  /** @param line its words; an array where a word holds a space. @returns standard output */
  readonly step: (line: string | readonly string[], wanted?: Wanted) => Promise<string>;
  /** @returns the file's path */
  readonly file: (name: string, text: string) => Promise<string>;
}

export type KubectlSuite = (t: Test, kubectl: Kubectl) => Promise<void>;

/** A test named `group` on a server of its own, with a test for each suite. */
export function onKubectl(
  group: string,
  program: string | undefined,
  suites: Readonly<Record<string, KubectlSuite>>,
): void {
  const skip = program === undefined ? "there is no kubectl" : false;
  t.test(group, { skip }, async (t) => {
    const server = await startApiProcess();
    t.teardown(() => server.close());
    const client = clientProgram(program ?? "", server);
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(server.folder, name), text);
      return join(server.folder, name);
    };
    for (const [name, suite] of Object.entries(suites)) {
      await t.test(name, (t) =>
        suite(t, { ...client, folder: server.folder, file, step: (line, wanted) => step(t, client, line, wanted) }),
      );
    }
  });
}

async function step(
  t: Test,
  client: ClientProgram,
  line: string | readonly string[],
  wanted: Wanted = {},
): Promise<string> {
  const args = typeof line === "string" ? line.split(" ") : line;
  const { input, env, exitCode = 0, stdout, stderr } = wanted;
  const result = await client.run(args, {
    ...(input === undefined ? {} : { input }),
    ...(env === undefined ? {} : { env }),
  });
  const pattern = { exitCode, ...(stdout === undefined ? {} : { stdout }), stderr: stderr ?? /^$/ };
  t.match(result, pattern, `kubectl ${args.join(" ")}`.slice(0, 120));
  return result.stdout;
}
