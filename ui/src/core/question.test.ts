import { expect, test } from "vitest";
import { answered, written, type Field } from "./question.js";

const form = (values: Record<string, string>): FormData => {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  return data;
};

test("a form is read as its fields say", () => {
  const fields: Field[] = [
    { name: "title", type: "string" },
    { name: "seconds", type: "number", default: 12 },
    { name: "sure", type: "bool" },
    { name: "size", type: "number", options: [480, 720] },
  ];
  expect(answered(fields, form({ title: "", seconds: "", size: "1" }))).toEqual({ title: "", sure: false, size: 720 });
  expect(answered(fields, form({ title: "A", seconds: "3", sure: "on", size: "" }))).toEqual({ title: "A", seconds: "3", sure: true });
  expect(answered(fields, form({ size: "7" }))).toEqual({ sure: false }); // there is no such option
});

test("values are written as a person types them", () => {
  expect([undefined, null, "a", 3, false, ["x"]].map(written)).toEqual(["", "", "a", "3", "false", '["x"]']);
});
