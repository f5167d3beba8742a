// Lint rule: dependencies point down only (apps -> edge -> core -> base).
// A package's layer is the `layer:*` tag in its package.json; a package may import its own layer or a lower one,
// never a path inside another package, and only packages that its package.json names.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const rank = { "layer:base": 0, "layer:core": 1, "layer:edge": 2, "layer:app": 3 };
const manifestCache = new Map();

function readManifest(folder) {
  let manifest = manifestCache.get(folder);
  if (manifest === undefined) {
    const file = join(folder, "package.json");
    manifest = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
    manifestCache.set(folder, manifest);
  }
  return manifest;
}

function packageFolder(filename) {
  for (let folder = dirname(filename); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function layerOf(manifest) {
  return manifest?.nx?.tags?.find((tag) => tag in rank);
}

const downwardImports = {
  meta: { type: "problem", schema: [], docs: { description: "imports must point to the same layer or a lower one" } },
  create(context) {
    const folder = packageFolder(context.filename);
    const manifest = folder && readManifest(folder);
    const layer = layerOf(manifest);
    if (layer === undefined) return {}; // tools/ and test/ may import anything
    const inSources = relative(folder, context.filename).startsWith(`src${sep}`);

    function check(node, specifier) {
      if (typeof specifier !== "string") return;
      if (specifier.startsWith(".")) {
        const target = resolve(dirname(context.filename), specifier);
        if (!target.startsWith(folder + sep)) {
          context.report({ node, message: `"${specifier}" leaves the package; import it by its package name` });
        }
        return;
      }
      const name = /^(@triarch\/[^/]+)(\/.*)?$/.exec(specifier);
      if (name === null) return;
      if (name[2] !== undefined) context.report({ node, message: `deep import "${specifier}"; use "${name[1]}"` });
      if (name[1] === manifest.name) return;
      if (manifest.dependencies?.[name[1]] === undefined && manifest.devDependencies?.[name[1]] === undefined) {
        context.report({ node, message: `${manifest.name} imports ${name[1]} but its package.json does not name it` });
      }
      if (!inSources) return;
      const top = resolve(folder, "..", "..");
      const short = name[1].slice("@triarch/".length);
      const target = readManifest(join(top, "libs", short)) ?? readManifest(join(top, "apps", short));
      const targetLayer = layerOf(target);
      if (targetLayer === undefined) return;
      if (rank[targetLayer] > rank[layer]) {
        context.report({ node, message: `${layer} must not import ${targetLayer} (${name[1]})` });
      }
    }
    return {
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ImportExpression: (node) => check(node, node.source.type === "Literal" ? node.source.value : undefined),
    };
  },
};

export const layersPlugin = { rules: { "downward-imports": downwardImports } };
