// The grammars of names, label keys and label values (RFC 1123, RFC 1035 and Kubernetes' own). Each checker returns
// what is wrong, in Kubernetes' words, and an empty list for a good value.

export type NameCheck = (value: string) => readonly string[];

const labelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const label1035Pattern = "[a-z]([-a-z0-9]*[a-z0-9])?";
const qualifiedNamePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValuePattern = `(${qualifiedNamePattern})?`;
const percentPattern = "[0-9]+%";
const headerPattern = "[-A-Za-z0-9]+";
const configMapKeyPattern = "[-._a-zA-Z0-9]+";
const cIdentifierPattern = "[A-Za-z_][A-Za-z0-9_]*";
const httpPathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const label1123Max = 63;
const subdomainMax = 253;
const labelValueMax = 63;
const qualifiedNameMax = 63;

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const labelRegExp = whole(labelPattern);
const subdomainRegExp = whole(subdomainPattern);
const label1035RegExp = whole(label1035Pattern);
const qualifiedNameRegExp = whole(qualifiedNamePattern);
const labelValueRegExp = whole(labelValuePattern);
const percentRegExp = whole(percentPattern);
const headerRegExp = whole(headerPattern);
const configMapKeyRegExp = whole(configMapKeyPattern);
const cIdentifierRegExp = whole(cIdentifierPattern);
const httpPathRegExp = whole(httpPathPattern);

/** `a sentence (e.g. 'x',  or 'y', regex used for validation is 'z')`, with Kubernetes' two spaces before each `or`. */
export function regExpText(sentence: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${sentence} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${sentence} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

export function maxLengthText(max: number, unit: "characters" | "bytes" = "characters"): string {
  return `must be no more than ${max} ${unit}`;
}

const label1123Text = regExpText(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  labelPattern,
  "my-name",
  "123-abc",
);
const subdomainText = regExpText(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  subdomainPattern,
  "example.com",
);
const label1035Text = regExpText(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  label1035Pattern,
  "my-name",
  "abc-123",
);
const qualifiedNameText = regExpText(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedNamePattern,
  "MyName",
  "my.name",
  "123-abc",
);
const labelValueText = regExpText(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValuePattern,
  "MyValue",
  "my_value",
  "12345",
);

interface Grammar {
  readonly pattern: RegExp;
  readonly text: string;
  readonly max: number;
  readonly unit?: "characters" | "bytes";
}

function check(value: string, { pattern, text, max, unit = "characters" }: Grammar): readonly string[] {
  const found: string[] = [];
  if (value.length > max) found.push(maxLengthText(max, unit));
  if (!pattern.test(value)) found.push(text);
  return found;
}

/** At most 63 characters: names of namespaces, services and containers. */
export function dns1123Label(value: string): readonly string[] {
  return check(value, { pattern: labelRegExp, text: label1123Text, max: label1123Max });
}

/** At most 253 characters: the name of most objects. */
export function dns1123Subdomain(value: string): readonly string[] {
  return check(value, { pattern: subdomainRegExp, text: subdomainText, max: subdomainMax });
}

/** Starts with a letter. */
export function dns1035Label(value: string): readonly string[] {
  return check(value, { pattern: label1035RegExp, text: label1035Text, max: label1123Max });
}

const subdomainInBytes: Grammar = { pattern: subdomainRegExp, text: subdomainText, max: subdomainMax, unit: "bytes" };

/** `dns1123Subdomain` where Kubernetes makes the check of marks on the type: a name that is too long is so in bytes. */
export function declaredSubdomain(value: string): readonly string[] {
  return check(value, subdomainInBytes);
}

/** A label's or annotation's key: `[prefix/]name`. `what` stands before the sentence about the whole. */
export function qualifiedName(value: string, what = "a qualified name"): readonly string[] {
  const parts = value.split("/");
  const found: string[] = [];
  let name = value;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    name = parts[1] as string;
    if (prefix === "") found.push("prefix part must be non-empty");
    else for (const text of check(prefix, subdomainInBytes)) found.push(`prefix part ${text}`);
  } else if (parts.length > 2) {
    return [`${what} ${qualifiedNameText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === "") found.push("name part must be non-empty");
  else if (name.length > qualifiedNameMax) found.push(`name part ${maxLengthText(qualifiedNameMax, "bytes")}`);
  if (!qualifiedNameRegExp.test(name)) found.push(`name part ${qualifiedNameText}`);
  return found;
}

export function labelKey(value: string): readonly string[] {
  return qualifiedName(value, "a valid label key");
}

export function labelValue(value: string): readonly string[] {
  return check(value, { pattern: labelValueRegExp, text: labelValueText, max: labelValueMax, unit: "bytes" });
}

/** `25%` */
export function percentText(value: string): readonly string[] {
  if (percentRegExp.test(value)) return [];
  return [
    regExpText(
      "a valid percent string must be a numeric string followed by an ending '%'",
      percentPattern,
      "1%",
      "93%",
    ),
  ];
}

export function httpHeaderName(value: string): readonly string[] {
  if (headerRegExp.test(value)) return [];
  return [
    regExpText("a valid HTTP header must consist of alphanumeric characters or '-'", headerPattern, "X-Header-Name"),
  ];
}

/** A key of a ConfigMap or Secret, which becomes a file's name in a volume. */
export function configMapKey(value: string): readonly string[] {
  const found: string[] = [];
  if (value.length > subdomainMax) found.push(maxLengthText(subdomainMax));
  if (!configMapKeyRegExp.test(value)) {
    found.push(
      regExpText(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configMapKeyPattern,
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    );
  }
  if (value === ".") found.push("must not be '.'");
  else if (value === "..") found.push("must not be '..'");
  else if (value.startsWith("..")) found.push("must not start with '..'");
  return found;
}

export function cIdentifier(value: string): readonly string[] {
  if (cIdentifierRegExp.test(value)) return [];
  return [
    regExpText(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      cIdentifierPattern,
      "my_name",
      "MY_NAME",
      "MyName",
    ),
  ];
}

/** The name of an environment variable: any printable ASCII but `=`. */
export function environmentName(value: string): readonly string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[\u0020-\u003c\u003e-\u007e]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** The name of a port: an IANA service name, at most 15 characters. */
export function portName(value: string): readonly string[] {
  const found: string[] = [];
  if (value.length > 15) found.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/i.test(value))
    found.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  else if (/[A-Z]/.test(value)) found.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) found.push("must contain at least one letter (a-z)");
  if (value.includes("--")) found.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) found.push("must not begin or end with a hyphen");
  return found;
}

/** A path of a URL, or a part of one. */
export function httpPath(value: string): readonly string[] {
  return httpPathRegExp.test(value) ? [] : [regExpText("Invalid path", httpPathPattern)];
}

/** A name that is one segment of a path: roles, bindings and others whose names may be nearly anything. */
export function pathSegment(value: string): readonly string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"].filter((part) => value.includes(part)).map((part) => `may not contain '${part}'`);
}

export function validPort(port: number): readonly string[] {
  return port >= 1 && port <= 65535 ? [] : ["must be between 1 and 65535, inclusive"];
}
