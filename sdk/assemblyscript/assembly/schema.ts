// Schemas: what a node type's inputs and outputs are.
import { Kind, Value } from "./value";

/** Text as JSON writes it. */
export function quote(s: string): string {
  let out = '"';
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c == 34 || c == 92) out += "\\" + s.charAt(i);
    else if (c < 32) out += "\\u00" + (c < 16 ? "0" : "") + c.toString(16);
    else out += s.charAt(i);
  }
  return out + '"';
}

/** A value as JSON. */
export function json(v: Value): string {
  switch (v.kind) {
    case Kind.Null: return "null";
    case Kind.Bool: return v.asBool() ? "true" : "false";
    case Kind.Text: return quote(v.asText());
    case Kind.Number: return v.asText();
    case Kind.List: return "[" + v.asList().map<string>((x: Value): string => json(x)).join(",") + "]";
    default: {
      const keys = v.keys();
      const fields = new Array<string>();
      for (let i = 0; i < keys.length; i++) fields.push(quote(keys[i]) + ":" + json(v.get(keys[i])));
      return "{" + fields.join(",") + "}";
    }
  }
}

/** What one value must be. Schemas are built in a chain: Schema.integer("How many").min(1).optional(). */
export class Schema {
  private constructor(public readonly kind: Kind, private readonly type: string, private readonly doc: string) {}
  private members: string[] = [];
  private names: string[] = [];
  private fields: Schema[] = [];
  /** What it is when it is not given; nothing when it has no default. */
  fallback: Value = Value.none();
  required: bool = true;

  static any(doc: string): Schema {
    return new Schema(Kind.Null, "", doc);
  }

  static text(doc: string): Schema {
    return new Schema(Kind.Text, "string", doc);
  }

  static bool(doc: string): Schema {
    return new Schema(Kind.Bool, "boolean", doc);
  }

  static float(doc: string): Schema {
    return new Schema(Kind.Number, "number", doc);
  }

  static integer(doc: string): Schema {
    return new Schema(Kind.Number, "integer", doc);
  }

  static list(item: Schema, doc: string): Schema {
    return new Schema(Kind.List, "array", doc).member("items", item.json());
  }

  /** An object with the fields that field() names. */
  static object(doc: string): Schema {
    return new Schema(Kind.Object, "object", doc);
  }

  /** An object with any fields, of one kind. */
  static map(item: Schema, doc: string): Schema {
    return new Schema(Kind.Object, "object", doc).member("additionalProperties", item.json());
  }

  /** An artifact of one of the media types, such as image/*; of any when there are none. */
  static artifact(doc: string, accept: string[] = []): Schema {
    const s = new Schema(Kind.Artifact, "object", doc).member("x-type", '"artifact"');
    return accept.length ? s.member("x-accept", json(Value.texts(accept))) : s;
  }

  private member(name: string, text: string): Schema {
    this.members.push(quote(name) + ":" + text);
    return this;
  }

  field(name: string, s: Schema): Schema {
    this.names.push(name);
    this.fields.push(s);
    return this;
  }

  optional(): Schema {
    this.required = false;
    return this;
  }

  or(fallback: Value): Schema {
    this.fallback = fallback;
    this.required = false;
    return this.member("default", json(fallback));
  }

  min(x: f64): Schema {
    return this.member("minimum", json(Value.float(x)));
  }

  max(x: f64): Schema {
    return this.member("maximum", json(Value.float(x)));
  }

  oneOf(texts: string[]): Schema {
    return this.member("enum", json(Value.texts(texts)));
  }

  pattern(p: string): Schema {
    return this.member("pattern", quote(p));
  }

  json(): string {
    const all = new Array<string>();
    if (this.type != "") all.push('"type":' + quote(this.type));
    if (this.doc != "") all.push('"description":' + quote(this.doc));
    if (this.names.length) {
      const properties = new Array<string>();
      const required = new Array<string>();
      for (let i = 0; i < this.names.length; i++) {
        properties.push(quote(this.names[i]) + ":" + this.fields[i].json());
        if (this.fields[i].required) required.push(quote(this.names[i]));
      }
      all.push('"properties":{' + properties.join(",") + "}");
      if (required.length) all.push('"required":[' + required.join(",") + "]");
    }
    return "{" + all.concat(this.members).join(",") + "}";
  }

  /** Why inputs do not fit the fields of this object, after filling in defaults; empty when they fit. */
  check(inputs: Value): string {
    for (let i = 0; i < this.names.length; i++) {
      const s = this.fields[i];
      const name = this.names[i];
      let v = inputs.get(name);
      if (v.isNull && !s.fallback.isNull) {
        v = s.fallback;
        inputs.set(name, v);
      }
      if (v.isNull) {
        if (s.required && s.kind != Kind.Null) return name + ": is required";
      } else if (s.kind != Kind.Null && s.kind != v.kind) {
        return name + ": want " + s.want() + ", got " + v.describe();
      }
    }
    return "";
  }

  private want(): string {
    switch (this.kind) {
      case Kind.Bool: return "true or false";
      case Kind.Text: return "text";
      case Kind.Number: return "a number";
      case Kind.List: return "a list";
      case Kind.Object: return "an object";
      default: return "an artifact";
    }
  }
}
