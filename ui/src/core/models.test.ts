import { describe, expect, it } from "vitest";
import { differs, found, fractionOf, kindsIn, sizeOf, without, type Copy, type Model } from "./models.js";

const copy = (agent: string, size = 5, digest?: string): Copy => ({ agent, name: agent, size, ...(digest ? { digest } : {}) });
const list: Model[] = [
  { name: "checkpoints/sdxl/base.pt", copies: [copy("local"), copy("box2")] },
  { name: "loras/Ink.pt", copies: [copy("box2", 5, "sha256:a"), copy("box3", 6)] },
  { name: "loras/none.pt", copies: [], source: { url: "https://models.example/x", digest: "sha256:b" } },
];
const names = (models: Model[]): string[] => models.map((m) => m.name);

describe("model files", () => {
  it("are of kinds, and found by what they are called and where they are", () => {
    expect(kindsIn(list)).toEqual(["checkpoints", "loras"]);
    expect(names(found(list, "", ""))).toHaveLength(3);
    expect(names(found(list, "loras", "ink box3"))).toEqual(["loras/Ink.pt"]);
    expect(found(list, "checkpoints", "ink")).toEqual([]);
  });
  it("have a size when their copies have one in common", () => {
    expect(list.map(sizeOf)).toEqual([5, undefined, undefined]);
    expect(list.map(differs)).toEqual([false, true, false]);
    expect(differs({ name: "x", copies: [copy("a", 5, "sha256:a"), copy("b", 5, "sha256:b"), copy("c")] })).toBe(true);
  });
  it("come, and it is known how far once it is known how much there is", () => {
    const f = { model: "x", agent: "a", name: "a", from: "b", done: 3, started: "" };
    expect([fractionOf(f), fractionOf({ ...f, total: 0 }), fractionOf({ ...f, total: 4 })]).toEqual([undefined, undefined, 0.75]);
  });
  it("are gone where they were removed, and from the list when nobody could have them", () => {
    expect(names(without(list.slice(0, 1), "checkpoints/sdxl/base.pt", "box2"))).toHaveLength(1);
    expect(names(without([{ name: "x", copies: [copy("a")] }], "x", "a"))).toEqual([]);
    expect(names(without([{ ...(list[2] as Model), copies: [copy("a")] }], "loras/none.pt", "a"))).toEqual(["loras/none.pt"]);
  });
});
