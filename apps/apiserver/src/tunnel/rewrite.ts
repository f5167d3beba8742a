// A proxied server speaks of paths as it knows them. Where they lead back to itself, they get the proxy's path in front:
// in `Location`, and in the links of HTML pages, as Kubernetes does.
import { gunzipSync } from "node:zlib";

export interface ProxyPlace {
  /** `/api/v1/namespaces/NS/services/NAME/proxy`. */
  readonly prefix: string;
  /** Hosts that mean the proxied server: its address, and ours. */
  readonly hosts: readonly string[];
}

/** Pages up to this size have their links rewritten; larger ones pass as they are. */
export const htmlBytesMax = 4 * 1024 * 1024;

/** Elements and their attributes that hold a link. */
const links: Readonly<Record<string, readonly string[]>> = {
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["formaction", "src", "usemap"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
};

const tagPattern = /<([a-zA-Z][a-zA-Z0-9]*)\b((?:[^<>"']|"[^"]*"|'[^']*')*)>/g;
const attributePattern = /(?<![a-zA-Z-])([a-zA-Z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>=]+)/g;

export function rewriteLink(link: string, { prefix, hosts }: ProxyPlace): string {
  const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is.exec(link);
  if (absolute !== null && !hosts.includes(absolute[1] ?? "")) return link;
  const path = absolute === null ? link : absolute[2] === "" ? "/" : (absolute[2] ?? "/");
  // Relative links hold wherever the page is.
  if (!path.startsWith("/")) return link;
  return path === prefix || path.startsWith(`${prefix}/`) ? path : prefix + path;
}

export function rewriteHtml(html: string, place: ProxyPlace): string {
  return html.replace(tagPattern, (tag: string, name: string, attributes: string) => {
    const wanted = links[name.toLowerCase()];
    if (wanted === undefined || attributes === "") return tag;
    const rewritten = attributes.replace(
      attributePattern,
      (whole: string, attribute: string, equals: string, value: string) => {
        if (!wanted.includes(attribute.toLowerCase())) return whole;
        const quote = value.startsWith('"') || value.startsWith("'") ? value.charAt(0) : "";
        const link = quote === "" ? value : value.slice(1, -1);
        return `${attribute}${equals}${quote}${rewriteLink(link, place)}${quote}`;
      },
    );
    return `<${name}${rewritten}>`;
  });
}

/** @returns the page with its links rewritten, uncompressed; undefined: pass it as it is */
export function rewrittenPage(page: Buffer, encoding: string, place: ProxyPlace): Buffer | undefined {
  if (encoding !== "" && encoding !== "identity" && encoding !== "gzip") return undefined;
  try {
    const plain = encoding === "gzip" ? gunzipSync(page, { maxOutputLength: htmlBytesMax }) : page;
    // Bytes stay bytes whatever the page's character set is.
    return Buffer.from(rewriteHtml(plain.toString("latin1"), place), "latin1");
  } catch {
    return undefined;
  }
}
