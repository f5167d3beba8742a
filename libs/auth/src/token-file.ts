// Kubernetes' static token file: CSV lines `token,user,uid[,"group1,group2"]`.
import type { StaticToken } from "./authenticate.ts";

/** Tokens in one file. Past it the file is refused. */
export const staticTokensMax = 10_000;

/** @throws Error naming the line that can't be read */
export function parseTokenFile(text: string, fileName: string): StaticToken[] {
  const tokens: StaticToken[] = [];
  const seen = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const where = `${fileName}:${index + 1}`;
    const [token = "", name = "", uid = "", groups = ""] = fieldsOf(line, where);
    if (token === "") throw new Error(`${where}: the token is empty; write token,user,uid[,"group1,group2"]`);
    if (name === "") throw new Error(`${where}: the user name is missing; write token,user,uid[,"group1,group2"]`);
    if (seen.has(token)) throw new Error(`${where}: this token was given before; each must be its own`);
    seen.add(token);
    const names = groups.split(",").map((group) => group.trim());
    tokens.push({ token, user: { name, uid, groups: names.filter((group) => group !== "") } });
    if (tokens.length > staticTokensMax) throw new Error(`${where}: more than ${staticTokensMax} tokens`);
  }
  return tokens;
}

/** One CSV line; a field in double quotes may hold commas, and `""` for a quote. */
function fieldsOf(line: string, where: string): string[] {
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length) {
    if (line[at] === '"') {
      let field = "";
      at += 1;
      for (;;) {
        const quote = line.indexOf('"', at);
        if (quote < 0) throw new Error(`${where}: a quoted field has no end`);
        field += line.slice(at, quote);
        at = quote + 1;
        if (line[at] !== '"') break;
        field += '"';
        at += 1;
      }
      fields.push(field);
      if (at < line.length && line[at] !== ",") throw new Error(`${where}: text after a quoted field`);
      at += 1;
    } else {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      fields.push(line.slice(at, end).trim());
      at = end + 1;
    }
  }
  return fields;
}
