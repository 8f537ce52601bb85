// Values are what pipelines compute with.
import { readFile } from "./file";

/** What a value is. */
export const enum Kind {
  Null,
  Bool,
  Text,
  Number,
  List,
  Object,
  Artifact,
}

/** Bytes known by their digest. A task may read the file at path and must not change it. */
export class Artifact {
  digest: string = "";
  mediaType: string = "";
  size: i64 = 0; // bytes
  name: string = "";
  path: string = "";

  /** The bytes of an input artifact; null when they cannot be read. */
  read(): ArrayBuffer | null {
    return readFile(this.path, this.size as i32);
  }

  /** An input artifact as text in UTF-8; null when it cannot be read. */
  text(): string | null {
    const bytes = this.read();
    return bytes ? String.UTF8.decode(bytes) : null;
  }
}

/** One value: nothing, true or false, text, a number, a list, an object or an artifact. */
export class Value {
  private constructor(public readonly kind: Kind) {}
  private flag: bool = false;
  private str: string = "";
  private items: Value[] | null = null;
  private fields: Map<string, Value> | null = null;
  private file: Artifact | null = null;

  static none(): Value {
    return new Value(Kind.Null);
  }

  static bool(x: bool): Value {
    const v = new Value(Kind.Bool);
    v.flag = x;
    return v;
  }

  static text(x: string): Value {
    const v = new Value(Kind.Text);
    v.str = x;
    return v;
  }

  /** A number as it is written in JSON, however many digits it has. */
  static number(text: string): Value {
    const v = new Value(Kind.Number);
    v.str = text;
    return v;
  }

  static integer(x: i64): Value {
    return Value.number(x.toString());
  }

  static float(x: f64): Value {
    const text = x.toString();
    return Value.number(text.endsWith(".0") ? text.substring(0, text.length - 2) : text);
  }

  static list(items: Value[] = []): Value {
    const v = new Value(Kind.List);
    v.items = items;
    return v;
  }

  static texts(items: string[]): Value {
    const v = Value.list();
    for (let i = 0; i < items.length; i++) v.push(Value.text(items[i]));
    return v;
  }

  static object(): Value {
    const v = new Value(Kind.Object);
    v.fields = new Map<string, Value>();
    return v;
  }

  static artifact(x: Artifact): Value {
    const v = new Value(Kind.Artifact);
    v.file = x;
    return v;
  }

  /** Adds to a list; gives the list back. */
  push(x: Value): Value {
    this.asList().push(x);
    return this;
  }

  /** Sets a field of an object; gives the object back. */
  set(name: string, x: Value): Value {
    if (this.fields) this.fields!.set(name, x);
    return this;
  }

  /** A field of an object; nothing when there is none. */
  get(name: string): Value {
    const f = this.fields;
    return f && f.has(name) ? f.get(name) : Value.none();
  }

  /** The names of an object's fields, in the order in which they were set. */
  keys(): string[] {
    const f = this.fields;
    return f ? f.keys() : [];
  }

  get isNull(): bool {
    return this.kind == Kind.Null;
  }

  asBool(): bool {
    return this.flag;
  }

  /** The text; a number as it is written. */
  asText(): string {
    return this.str;
  }

  /** The number, rounded as floating point is. */
  asFloat(): f64 {
    return parseFloat(this.str);
  }

  /** A whole number; 0 for what isInteger refuses. */
  asInteger(): i64 {
    return this.isInteger() ? I64.parseInt(this.str) : 0;
  }

  /** Whether it is a number written without . and e that fits into 64 bits. */
  isInteger(): bool {
    if (this.kind != Kind.Number) return false;
    const n = I64.parseInt(this.str);
    return n.toString() == this.str || this.str == "-0";
  }

  asList(): Value[] {
    const l = this.items;
    return l ? l : [];
  }

  asArtifact(): Artifact {
    const a = this.file;
    return a ? a : new Artifact();
  }

  /** What it is, in words. */
  describe(): string {
    switch (this.kind) {
      case Kind.Null: return "nothing";
      case Kind.Bool: return this.flag ? "true" : "false";
      case Kind.Text: return "text";
      case Kind.Number: return "the number " + this.str;
      case Kind.List: return "a list";
      case Kind.Object: return "an object";
      default: return "an artifact";
    }
  }
}

/** Whether text is a number as JSON writes it. */
export function isNumber(text: string): bool {
  let i = 0;
  const n = text.length;
  if (i < n && text.charCodeAt(i) == 45) i++;
  const whole = digits(text, i);
  if (whole == 0 || (whole > 1 && text.charCodeAt(i) == 48)) return false;
  i += whole;
  if (i < n && text.charCodeAt(i) == 46) {
    const fraction = digits(text, i + 1);
    if (fraction == 0) return false;
    i += 1 + fraction;
  }
  if (i < n && (text.charCodeAt(i) | 32) == 101) {
    i++;
    if (i < n && (text.charCodeAt(i) == 43 || text.charCodeAt(i) == 45)) i++;
    const exponent = digits(text, i);
    if (exponent == 0) return false;
    i += exponent;
  }
  return i == n;
}

function digits(text: string, from: i32): i32 {
  let i = from;
  while (i < text.length && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  return i - from;
}
