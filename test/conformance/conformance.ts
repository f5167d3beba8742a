// Conformance tests of ours under the names of Kubernetes'. A file names its tests with `conformance`; each gets a
// namespace of its own on one `triarch api`, and its outcome is kept for the list in docs/conformance.md.
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import t, { type Test } from "tap";
import { ApiClient } from "./api-client.ts";
import { knownTest, outcomesFolder, type Outcome } from "./known-tests.ts";
import { startApiProcess } from "../support/api-process.ts";

export interface TestCase {
  readonly name: string;
  /** Every step of the upstream test has its assertion here, except those of `missing`. */
  readonly steps: (t: Test, api: ApiClient, namespace: string) => Promise<void>;
  readonly missing?: string;
}

const fileTimeoutMs = 300_000;

/**
 * @param file the test file's `import.meta.filename`; the cases by the area that upstream names them under
 * @param start what else has to run; it returns what ends it
 */
export async function conformance(
  file: string,
  areas: Readonly<Record<string, readonly TestCase[]>>,
  start: (api: ApiClient) => Promise<() => Promise<void>> = () => Promise.resolve(() => Promise.resolve()),
): Promise<void> {
  t.setTimeout(fileTimeoutMs);
  const server = await startApiProcess();
  const api = await ApiClient.connect(server);
  const outcomes: Outcome[] = [];
  const stops: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    for (const stop of stops) await stop();
    await api.close();
    await server.close();
    await mkdir(outcomesFolder, { recursive: true });
    await writeFile(join(outcomesFolder, `${basename(file, ".test.ts")}.json`), JSON.stringify(outcomes));
  });
  stops.push(await start(api));
  for (const [area, cases] of Object.entries(areas)) {
    for (const { name, steps, missing } of cases) {
      const { sig } = knownTest(area, name);
      await t.test(`[${sig}] ${area} ${name}`, async (t) => {
        t.teardown(() => {
          outcomes.push({ area, name, passed: t.passing(), ...(missing === undefined ? {} : { missing }) });
        });
        const namespace = await api.makeNamespace();
        await steps(t, api, namespace);
      });
    }
  }
}
