import tseslint from "typescript-eslint";
import { layersPlugin } from "./tools/lint/layers.js";

const coreFolders = [
  "raft",
  "mvcc",
  "lease",
  "etcd-auth",
  "etcd-proto",
  "bbolt",
  "api",
  "cel",
  "scheduling",
  "reconcile",
  "service-rules",
  "flow-control",
  "linearizability",
];

export default tseslint.config(
  { ignores: ["**/node_modules/**", "**/fixtures/**", "**/*.generated.ts", "**/generated/**", ".nx/**", "**/*.cjs"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { layers: layersPlugin },
    rules: {
      "layers/downward-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    // The pure core: time, randomness and I/O are passed in.
    files: coreFolders.map((name) => `libs/${name}/src/**/*.ts`),
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["node:*"], message: "core packages are pure: no node: imports" }] },
      ],
      "no-restricted-globals": [
        "error",
        ...["Date", "setTimeout", "setInterval", "setImmediate", "fetch", "process", "performance", "Buffer"].map(
          (name) => ({
            name,
            message: "core packages are pure: take it as an argument",
          }),
        ),
      ],
      "no-restricted-properties": ["error", { object: "Math", property: "random", message: "pass an Rng in" }],
    },
  },
  {
    // tap schedules a `t.test(...)` itself; the promise it returns needs no await.
    files: ["**/test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            {
              from: "package",
              name: ["test", "before", "after", "teardown", "beforeEach", "afterEach"],
              package: "@tapjs/core",
            },
            { from: "package", name: ["test"], package: "@tapjs/test" },
          ],
        },
      ],
    },
  },
  {
    // Makes functions from a table that is part of this program.
    files: ["libs/etcd-proto/src/compile.ts"],
    rules: { "@typescript-eslint/no-implied-eval": "off" },
  },
  {
    // Command-line programs and test runners print for people.
    files: ["apps/triarch/**/*.ts", "tools/**/*.ts", "test/**/*.ts"],
    rules: { "no-console": "off" },
  },
);
