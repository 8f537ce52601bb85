import { describe, expect, it } from "vitest";
import type { Box } from "./graph.js";
import { layout, size, type Place } from "./layout.js";

const box = (id: string, needs: string[] = [], within?: string): Box => ({ id, title: id, kind: "node", needs, ...(within ? { in: within } : {}) });

const apart = (a: Place, b: Place): boolean => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

describe("layout", () => {
  it("puts what needs something after it, in either direction", () => {
    const g = { boxes: [box("a"), box("b", ["a"]), box("c", ["a"]), box("d", ["b", "c", "a"])] };
    const right = layout(g, "LR").places;
    expect(right["a"]?.x).toBeLessThan(right["b"]?.x ?? 0);
    expect(right["b"]?.x).toBeLessThan(right["d"]?.x ?? 0);
    const down = layout(g, "TB");
    expect(down.places["a"]?.y).toBeLessThan(down.places["b"]?.y ?? 0);
    expect(down.ways.map((w) => `${w.from} ${w.to}`).sort()).toEqual(["a b", "a c", "a d", "b d", "c d"]);
  });

  it("leads lines from side to side", () => {
    const { places, ways } = layout({ boxes: [box("a"), box("b", ["a"]), box("c", ["b", "a"])] }, "LR");
    for (const w of ways) {
      const [from, to] = [places[w.from] as Place, places[w.to] as Place];
      expect(w.points[0]).toEqual({ x: from.x + size.width, y: from.y + size.height / 2 });
      expect(w.points.at(-1)).toEqual({ x: to.x, y: to.y + size.height / 2 });
      for (const [k, p] of w.points.entries()) expect(p.x).toBeGreaterThanOrEqual(w.points[k - 1]?.x ?? -Infinity);
    }
    expect(ways.find((w) => w.from === "a" && w.to === "c")?.points.length).toBe(6); // straight past b
  });

  it("keeps what is in a module inside it, and all else out", () => {
    const boxes = [box("a"), box("m", ["a"]), box("m/x", [], "m"), box("m/n", ["m/x"], "m"), box("m/n/y", [], "m/n"), box("m/n/z", ["m/n/y"], "m/n"), box("b", ["m", "a"])];
    const { places, ways } = layout({ boxes }, "LR");
    const at = (id: string): Place => places[id] as Place;
    for (const b of boxes) {
      if (b.in === undefined) continue;
      expect(at(b.id).x).toBeGreaterThanOrEqual(0);
      expect(at(b.id).y).toBeGreaterThanOrEqual(40);
      expect(at(b.id).x + at(b.id).width).toBeLessThanOrEqual(at(b.in).width);
      expect(at(b.id).y + at(b.id).height).toBeLessThanOrEqual(at(b.in).height);
    }
    expect(apart(at("a"), at("m")) && apart(at("b"), at("m"))).toBe(true);
    const inner = ways.find((w) => w.from === "m/n/y");
    expect(inner?.points[0]).toEqual({ x: at("m").x + at("m/n").x + at("m/n/y").x + size.width, y: at("m").y + at("m/n").y + at("m/n/y").y + size.height / 2 });
  });

  it("leads lines around a module beside their box", () => {
    const { places, ways } = layout({ boxes: [box("m"), box("m/x", [], "m"), box("m/y", ["m/x"], "m"), box("a"), box("b", ["m", "a"])] }, "LR");
    const m = places["m"] as Place;
    const [start, turn] = ways.find((w) => w.from === "a")?.points ?? [];
    expect(turn?.y).toBe(start?.y);
    expect(turn?.x).toBeCloseTo(m.x + m.width);
  });

  it("lays out what needs itself in a circle, and nothing at all", () => {
    const { places } = layout({ boxes: [box("a", ["b"]), box("b", ["a"])] }, "LR");
    expect(apart(places["a"] as Place, places["b"] as Place)).toBe(true);
    expect(layout({ boxes: [] }, "LR")).toMatchObject({ places: {}, ways: [] });
  });

  it("lets no two of five hundred overlap", () => {
    const boxes = Array.from({ length: 500 }, (_, i) => box(`n${i}`, i < 10 ? [] : [`n${i - 10}`, `n${i - 1 - (i % 7)}`]));
    const { places } = layout({ boxes }, "LR");
    const all = Object.values(places).sort((a, b) => a.x - b.x);
    for (const [k, a] of all.entries()) for (let j = k + 1; j < all.length && (all[j] as Place).x < a.x + a.width; j++) expect(apart(a, all[j] as Place)).toBe(true);
  });
});
