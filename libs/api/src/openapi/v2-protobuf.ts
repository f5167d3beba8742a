// The v2 document as a message of gnostic's `openapi.v2` package: what client-go asks for, and the only form it takes.
// Each message is a table from JSON names to field numbers; extensions and values of any shape travel as YAML, of which
// JSON is a part.
import protobuf from "protobufjs/minimal.js";
import type { Writer } from "protobufjs/minimal.js";
import type { JsonObject, JsonValue } from "../json.ts";

type Write = (writer: Writer, number: number, value: JsonValue) => void;
type Fields = Readonly<Record<string, readonly [number: number, write: Write]>>;

const delimited = 2;

const text: Write = (writer, number, value) =>
  void writer.uint32((number << 3) | delimited).string(typeof value === "string" ? value : JSON.stringify(value));
const flag: Write = (writer, number, value) => {
  if (value === true) writer.uint32(number << 3).bool(true);
};
const texts: Write = (writer, number, value) => {
  for (const one of value as readonly string[]) text(writer, number, one);
};
/** `Any { yaml = 2 }` */
const any: Write = (writer, number, value) => nested(writer, number, () => text(writer, 2, JSON.stringify(value)));

function nested(writer: Writer, number: number, body: () => void): void {
  writer.uint32((number << 3) | delimited).fork();
  body();
  writer.ldelim();
}

/** @param extensions number of `vendor_extension`; 0 where there is none */
function message(fields: () => Fields, extensions: number): Write {
  return (writer, number, value) =>
    nested(writer, number, () => write(writer, value as JsonObject, fields(), extensions));
}

function write(writer: Writer, object: JsonObject, fields: Fields, extensions: number): void {
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const field = fields[name];
    if (field !== undefined) field[1](writer, field[0], value);
    else if (name.startsWith("x-") && extensions > 0) named(any)(writer, extensions, { [name]: value });
  }
}

/** Entries `{ name = 1, value = 2 }` under one number. */
function named(value: Write): Write {
  return (writer, number, object) => {
    for (const [name, one] of Object.entries(object as JsonObject)) {
      nested(writer, number, () => {
        text(writer, 1, name);
        if (one !== undefined) value(writer, 2, one);
      });
    }
  };
}

/** A message whose field 1 holds one alternative of a `oneof`, or the one list there is. */
const wrapped =
  (value: Write, inner = 1): Write =>
  (writer, number, content) =>
    nested(writer, number, () => value(writer, inner, content));

const each =
  (value: Write): Write =>
  (writer, number, list) => {
    for (const one of list as readonly JsonValue[]) value(writer, number, one);
  };

const schemaFields: Fields = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, any],
  required: [19, texts],
  enum: [20, each(any)],
  additionalProperties: [21, (writer, number, value) => wrapped(schema)(writer, number, value)],
  type: [22, wrapped(text)],
  items: [23, (writer, number, value) => wrapped(schema)(writer, number, value)],
  properties: [25, (writer, number, value) => wrapped(named(schema))(writer, number, value)],
};
const schema: Write = message(() => schemaFields, 31);

const bodyFields: Fields = {
  description: [1, text],
  name: [2, text],
  in: [3, text],
  required: [4, flag],
  schema: [5, schema],
};
const queryFields: Fields = {
  ...{ required: [1, flag], in: [2, text], description: [3, text], name: [4, text] },
  ...{ type: [6, text], format: [7, text], uniqueItems: [18, flag] },
};
const pathFields: Fields = {
  ...{ required: [1, flag], in: [2, text], description: [3, text], name: [4, text] },
  ...{ type: [5, text], format: [6, text], uniqueItems: [17, flag] },
};

/** ParametersItem.parameter, then Parameter.body_parameter or .non_body_parameter, then the place. */
const parameter: Write = (writer, number, value) => {
  const { in: place } = value as JsonObject;
  const inner: Write =
    place === "body"
      ? wrapped(message(() => bodyFields, 6))
      : place === "query"
        ? wrapped(
            wrapped(
              message(() => queryFields, 23),
              3,
            ),
            2,
          )
        : wrapped(
            wrapped(
              message(() => pathFields, 22),
              4,
            ),
            2,
          );
  wrapped(inner)(writer, number, value);
};

const responseFields: Fields = { description: [1, text], schema: [2, wrapped(schema)] };
const operationFields: Fields = {
  tags: [1, texts],
  description: [3, text],
  operationId: [5, text],
  produces: [6, texts],
  consumes: [7, texts],
  parameters: [8, each(parameter)],
  responses: [9, wrapped(named(wrapped(message(() => responseFields, 5))))],
};
const operation: Write = message(() => operationFields, 13);
const pathItemFields: Fields = {
  ...{ get: [2, operation], put: [3, operation], post: [4, operation], delete: [5, operation] },
  ...{ options: [6, operation], head: [7, operation], patch: [8, operation] },
  parameters: [9, each(parameter)],
};
const infoFields: Fields = { title: [1, text], version: [2, text], description: [3, text] };
const documentFields: Fields = {
  swagger: [1, text],
  info: [2, message(() => infoFields, 7)],
  paths: [8, wrapped(named(message(() => pathItemFields, 10)), 2)],
  definitions: [9, wrapped(named(schema))],
};

/** @param document as `openApiV2` makes it. Cost: O(document); some milliseconds for all of Kubernetes. */
export function openApiV2Message(document: JsonObject): Uint8Array {
  const writer = new protobuf.Writer();
  write(writer, document, documentFields, 16);
  return writer.finish();
}
