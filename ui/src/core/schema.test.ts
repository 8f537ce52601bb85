import { expect, test } from "vitest";
import { fieldsOf, typeWord } from "./schema.js";

test("types in the words of the language", () => {
  for (const [schema, want] of [
    [{ type: "string" }, "string"],
    [{ type: "integer" }, "number"],
    [{ type: ["boolean", "null"] }, "bool"],
    [{ type: "array", items: { type: "string" } }, "list(string)"],
    [{ type: "array" }, "list(any)"],
    [{ type: "array", items: { type: "object", "x-type": "artifact" } }, "list(artifact)"],
    [{ type: "object", additionalProperties: { type: "number" } }, "map(number)"],
    [{ type: "object", additionalProperties: true }, "map(any)"],
    [{ type: "object", properties: { a: { type: "string" } } }, "object"],
    [{ "x-type-from": "answer" }, "as answer says"],
    [{}, "any"],
  ] as const)
    expect(typeWord(schema as Parameters<typeof typeWord>[0])).toBe(want);
});

test("fields", () => {
  const fields = fieldsOf({
    properties: {
      rate: { type: "integer", default: 165, minimum: 80, maximum: 400 },
      text: { type: "string", description: "What to say" },
      engine: { type: "string", enum: ["auto", "piper"], default: "" },
      words: { type: "array", items: { type: "object", properties: { start: { type: "number", minimum: 0 } } } },
      file: { type: "object", "x-type": "artifact", "x-accept": ["audio/wav"], properties: { secret: {} } },
    },
    required: ["text"],
  });
  expect(fields.map((f) => f.name)).toEqual(["text", "rate", "engine", "words", "file"]);
  expect(fields[0]).toMatchObject({ required: true, type: "string", description: "What to say", limits: [], fields: [] });
  expect(fields[1]?.limits).toEqual(["80 to 400", "default 165"]);
  expect(fields[2]?.limits).toEqual(["auto, piper", 'default ""']);
  expect(fields[3]?.fields[0]).toMatchObject({ name: "start", limits: ["at least 0"] });
  expect(fields[4]).toMatchObject({ type: "artifact", limits: ["audio/wav"], fields: [] });
  expect(fieldsOf(undefined)).toEqual([]);
});
