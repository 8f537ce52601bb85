import { describe, expect, it } from "vitest";
import type { Event, Node } from "./fold.js";
import { spansOf, ticks, Timeline } from "./timeline.js";

const start = Date.parse("2026-01-01T00:00:00Z");
let seq = 0;
const at = (second: number, kind: string, more: Partial<Event> = {}): Event => ({ seq: ++seq, time: new Date(start + second * 1000).toISOString(), kind, v: 1, ...more });
const node = (name: string, state: string, more: Partial<Node> = {}): Node => ({ at: name, name, state, ...more });
const told = (...events: Event[]): Timeline => {
  const line = new Timeline();
  line.apply(events);
  return line;
};
const short = (line: Timeline, n: Node) => spansOf(line, n).map((s) => [s.kind, (s.from - start) / 1000, s.to === undefined ? undefined : (s.to - start) / 1000, s.state]);
const error = { message: "no memory", cause: "oom" } as unknown as NonNullable<Event["error"]>;

describe("timeline", () => {
  it("shows waiting, attempts and the pause between them", () => {
    const line = told(at(0, "node_expanded", { node: "a", keys: [""] }), at(2, "attempt_started", { node: "a", attempt: 1, agent: "box2" }), at(5, "attempt_ended", { node: "a", attempt: 1, error }), at(7, "attempt_started", { node: "a", attempt: 2 }));
    expect(short(line, node("a", "running"))).toEqual([
      ["wait", 0, 2, "ready"],
      ["attempt", 2, 5, "failed"],
      ["backoff", 5, 7, "backoff"],
      ["attempt", 7, undefined, "running"],
    ]);
    expect(spansOf(line, node("a", "running"))[1]).toMatchObject({ wrong: "no memory", agent: "box2", attempt: 1 });
  });

  it("ends with the last failure", () => {
    const line = told(at(0, "node_expanded", { node: "a", keys: [""] }), at(1, "attempt_started", { node: "a", attempt: 1 }), at(2, "attempt_ended", { node: "a", attempt: 1, error }));
    expect(short(line, node("a", "failed")).map(([kind]) => kind)).toEqual(["wait", "attempt"]);
    expect(short(line, node("a", "backoff")).map(([kind]) => kind)).toEqual(["wait", "attempt", "backoff"]);
  });

  it("keeps the instances of a node and of a module apart", () => {
    const line = told(
      at(0, "node_expanded", { node: "a", each: true, keys: ["[0]", "[1]"] }),
      at(1, "attempt_started", { node: "a", key: "[1]", attempt: 1 }),
      at(1, "node_expanded", { in: "module.m[0]", node: "a", keys: [""] }),
      at(2, "node_cached", { in: "module.m[0]", node: "a" }),
    );
    expect(short(line, node("a", "ready", { key: "[0]" }))).toEqual([["wait", 0, undefined, "ready"]]);
    expect(short(line, node("a", "running", { key: "[1]" }))).toHaveLength(2);
    expect(short(line, node("a", "cached", { in: "module.m[0]" }))).toEqual([
      ["wait", 1, 2, "ready"],
      ["moment", 2, 2, "cached"],
    ]);
    expect(short(line, node("b", "pending"))).toEqual([]);
  });

  it("shows gates, modules, rounds, what is skipped and what fails before it begins", () => {
    const line = told(
      at(0, "node_expanded", { node: "gate.g", keys: [""] }),
      at(0, "gate_opened", { node: "gate.g" }),
      at(9, "gate_answered", { node: "gate.g" }),
      at(9, "node_expanded", { node: "module.m", keys: [""] }),
      at(9, "module_opened", { node: "module.m", iter: 1 }),
      at(10, "module_ended", { node: "module.m", iter: 1, again: true }),
      at(10, "module_opened", { node: "module.m", iter: 2 }),
      at(11, "node_expanded", { node: "s", skip: true }),
      at(11, "node_failed", { node: "f", error }),
      at(12, "run_ended", { status: "failed" }),
    );
    expect(short(line, node("gate.g", "succeeded"))).toEqual([
      ["wait", 0, 0, "ready"],
      ["gate", 0, 9, "succeeded"],
    ]);
    expect(short(line, node("module.m", "cancelled")).slice(1)).toEqual([
      ["module", 9, 10, "succeeded"],
      ["wait", 10, 10, "ready"],
      ["module", 10, 12, "cancelled"],
    ]);
    expect(short(line, node("s", "skipped"))).toEqual([["moment", 11, 11, "skipped"]]);
    expect(spansOf(line, node("f", "failed"))).toMatchObject([{ kind: "moment", wrong: "no memory" }]);
  });

  it("takes each event once, and kinds that it does not know", () => {
    const events = [at(0, "node_expanded", { node: "a", keys: [""] }), at(1, "something_new", { node: "a" })];
    const line = told(...events);
    line.apply(events);
    expect(short(line, node("a", "ready"))).toHaveLength(1);
    expect(line.seq).toBe(events[1]?.seq);
  });

  it("counts round seconds", () => {
    expect(ticks(10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(0.03, 5)).toEqual([0, 0.01, 0.02, 0.03]);
    expect(ticks(4000, 6)).toEqual([0, 900, 1800, 2700, 3600]);
    for (const seconds of [0.001, 1, 59, 3601, 86_400 * 40]) expect(ticks(seconds, 8).length).toBeLessThanOrEqual(9);
  });
});
