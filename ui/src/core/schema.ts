// JSON Schemas of node types, in the words of the pipeline language.

/** What is read of a schema; anything else in it is left alone. */
export interface Schema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  "x-type"?: string;
  "x-type-from"?: string;
  "x-accept"?: string[];
}

const words: Record<string, string> = { string: "string", number: "number", integer: "number", boolean: "bool" };

/** typeWord says what a value is, as a pipeline file does: list(string). */
export function typeWord(s: Schema): string {
  if (s["x-type-from"] !== undefined) return `as ${s["x-type-from"]} says`;
  if (s["x-type"] !== undefined) return s["x-type"];
  const type = Array.isArray(s.type) ? s.type.find((x) => x !== "null") : s.type;
  if (type === "array") return s.items === undefined ? "list(any)" : `list(${typeWord(s.items)})`;
  if (type === "object") return s.properties !== undefined ? "object" : `map(${typeof s.additionalProperties === "object" ? typeWord(s.additionalProperties) : "any"})`;
  return words[type ?? ""] ?? "any";
}

/** Field is one input or output. */
export interface Field {
  name: string;
  type: string;
  required: boolean;
  description: string;
  /** What it may be, and what it is when it is left out. */
  limits: string[];
  /** What is in it, when it is an object or a list of them. */
  fields: Field[];
}

const said = (value: unknown): string => (typeof value === "string" ? value || '""' : JSON.stringify(value));

/** fieldsOf lists what an object has, what it has to have first, else in its own order. */
export function fieldsOf(s: Schema | undefined): Field[] {
  const needed = new Set(s?.required ?? []);
  const fields = Object.entries(s?.properties ?? {}).map(([name, p]): Field => {
    const limits: string[] = [];
    if (p.enum !== undefined) limits.push(p.enum.map(said).join(", "));
    if (p.minimum !== undefined && p.maximum !== undefined) limits.push(`${p.minimum} to ${p.maximum}`);
    else if (p.minimum !== undefined) limits.push(`at least ${p.minimum}`);
    else if (p.maximum !== undefined) limits.push(`at most ${p.maximum}`);
    if (p["x-accept"] !== undefined) limits.push(p["x-accept"].join(", "));
    if (p.default !== undefined && p.default !== null) limits.push(`default ${said(p.default)}`);
    const inner = p["x-type"] !== undefined ? undefined : p.items ?? p;
    return { name, type: typeWord(p), required: needed.has(name), description: p.description ?? "", limits, fields: fieldsOf(inner?.["x-type"] === undefined ? inner : undefined) };
  });
  return [...fields.filter((f) => f.required), ...fields.filter((f) => !f.required)];
}
