import { expect, test } from "vitest";
import { around, difference, type Line } from "./diff.js";

const shown = (lines: readonly (Line | null)[]): string => lines.map((l) => (l === null ? "…" : { before: "-", after: "+", both: " " }[l.in] + l.text)).join("|");

test.each([
  ["a\nb", "a\nb", " a| b"],
  ["", "a", "-|+a"],
  ["a\nb\nc", "a\nx\nc", " a|-b|+x| c"],
  ["a\nb\nc\nd", "b\nc\nd\ne", "-a| b| c| d|+e"],
  ["a\na\na", "a\na", " a| a|-a"],
])("%j to %j", (before, after, want) => {
  expect(shown(difference(before, after))).toBe(want);
});

test("both texts can be put together again from it", () => {
  const before = Array.from({ length: 60 }, (_, i) => `l${(i * 7) % 13}`);
  const after = Array.from({ length: 50 }, (_, i) => `l${(i * 5) % 11}`);
  const lines = difference(before.join("\n"), after.join("\n"));
  expect(lines.filter((l) => l.in !== "after").map((l) => l.text)).toEqual(before);
  expect(lines.filter((l) => l.in !== "before").map((l) => l.text)).toEqual(after);
});

test("what is far from a change is left out", () => {
  expect(shown(around(difference("1\n2\n3\n4\n5\n6\n7\n8", "1\n2\n3\nx\n5\n6\n7\n8"), 1))).toBe("…| 3|-4|+x| 5|…");
});

test("two large texts that have nothing in common are one change", () => {
  const lines = difference("a\n".repeat(3000) + "x", "b\n".repeat(3000) + "y");
  expect(lines[0]?.in).toBe("before");
  expect(lines).toHaveLength(6002);
});
