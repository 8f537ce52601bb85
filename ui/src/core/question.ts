// The form of a gate's question: how its fields are filled in, and what is sent.
import type { Schemas } from "../api/client.js";

export type Field = Schemas["Field"];

/** written is a value as a person reads and types it: a text as it is, the rest as JSON. */
export const written = (value: unknown): string => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** answered reads the form: what is chosen is the option itself, the host reads the rest as the field's type says. A field that is left empty, unless it is a text, gets its default. */
export function answered(fields: readonly Field[], form: FormData): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const f of fields) {
    const text = form.get(f.name);
    if (f.options !== undefined && f.options.length > 0) {
      const option = f.options[Number(text ?? "")];
      if (text !== null && text !== "" && option !== undefined) values[f.name] = option;
    } else if (f.type === "bool") values[f.name] = text !== null;
    else if (typeof text === "string" && (text !== "" || f.type === "string")) values[f.name] = text;
  }
  return values;
}
