import { describe, expect, it } from "vitest";
import { nodePairs, pairsOf, secondsOf } from "./compare.js";
import type { Node } from "./fold.js";

const file = (digest: string, name: string) => ({ $artifact: digest, media_type: "image/png", size: 1, name });

describe("pairsOf", () => {
  it("tells what differs from what is the same", () => {
    const told = pairsOf({ topic: "cats", seed: 1, style: { a: 1, b: 2 }, picture: file("sha256:1", "a.png"), gone: 1 }, { topic: "dogs", seed: 1, style: { b: 2, a: 1 }, picture: file("sha256:1", "b.png"), added: null });
    expect(told.map((p) => [p.name, p.same])).toEqual([
      ["topic", false],
      ["seed", true],
      ["style", true],
      ["picture", true],
      ["added", false],
      ["gone", false],
    ]);
  });

  it("holds other files and other lists apart", () => {
    const same = (a: unknown, b: unknown) => pairsOf({ x: a }, { x: b })[0]?.same;
    expect(same(file("sha256:1", "a.png"), file("sha256:2", "a.png"))).toBe(false);
    expect(same([1, 2], [2, 1])).toBe(false);
    expect(same(null, null)).toBe(true);
    expect(same("1", 1)).toBe(false);
    expect(pairsOf(undefined, undefined)).toEqual([]);
  });
});

describe("nodePairs", () => {
  const node = (at: string, state = "succeeded", more: Partial<Node> = {}): Node => ({ at, name: at, state, ...more });

  it("keeps the order of both", () => {
    const told = nodePairs([node("a"), node("b[0]"), node("c")], [node("a"), node("b[0]", "failed"), node("b[1]"), node("c"), node("d")]);
    expect(told.map((p) => [p.name, p.a?.state, p.b?.state])).toEqual([
      ["a", "succeeded", "succeeded"],
      ["b[0]", "succeeded", "failed"],
      ["b[1]", undefined, "succeeded"],
      ["c", "succeeded", "succeeded"],
      ["d", undefined, "succeeded"],
    ]);
  });

  it("counts the seconds of what was done", () => {
    const times = { started: "2026-01-01T00:00:00Z", ended: "2026-01-01T00:00:02.5Z" };
    expect(secondsOf(node("a", "succeeded", times))).toBe(2.5);
    expect(secondsOf(node("a", "cached", times))).toBeUndefined();
    expect(secondsOf(node("a", "running", { started: times.started }))).toBeUndefined();
    expect(secondsOf(undefined)).toBeUndefined();
  });
});
