import { expect, test } from "vitest";
import { mostRuns, product, swept, valuesOf } from "./sweep.js";
import type { Variable } from "./launch.js";

const v = (name: string, type: string): Variable => ({ name, type, schema: {}, required: false });

test.each([
  ["string", "a cat\n\n a dog \na cat", ["a cat", "a dog"]],
  ["string", "1..3", ["1..3"]],
  ["number", "1, 2  3\n3", ["1", "2", "3"]],
  ["number", "-1..2, 7", ["-1", "0", "1", "2", "7"]],
  ["number", "18446744073709551614..18446744073709551615", ["18446744073709551614", "18446744073709551615"]],
  ["number", "3..1 x", ["3..1", "x"]], // the host says what is wrong with them
  ["number", "", []],
])("of %s: %j", (type, typed, values) => expect(valuesOf({ type }, typed)).toEqual(values));

test("a range is not longer than it needs to be told that it is too long", () => expect(valuesOf({ type: "number" }, "1..999999999999").length).toBe(mostRuns + 1));

test("each combination is a draft of its own", () => {
  const axes = swept({ seed: "1..2", prompt: "a cat\na dog", gone: "x", none: " " }, [v("prompt", "string"), v("seed", "number"), v("none", "string")]);
  const all = product({ text: { height: "9", seed: "7" }, files: {} }, axes);
  expect(all.map((d) => d.text)).toEqual([
    { height: "9", prompt: "a cat", seed: "1" },
    { height: "9", prompt: "a cat", seed: "2" },
    { height: "9", prompt: "a dog", seed: "1" },
    { height: "9", prompt: "a dog", seed: "2" },
  ]);
  expect(product({ text: {}, files: {} }, [])).toEqual([{ text: {}, files: {} }]);
  expect(product({ text: {}, files: {} }, [["a", valuesOf({ type: "number" }, "1..100")], ["b", valuesOf({ type: "number" }, "1..100")]]).length).toBe(mostRuns + 1);
});
