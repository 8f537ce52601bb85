import { describe, expect, it } from "vitest";
import type { Node } from "./fold.js";
import { boxOf, graphOfPipeline, graphOfRun, shapeOf, telling } from "./graph.js";

const node = (at: string, state: string, more: Partial<Node> = {}): Node => ({ at, name: at.replace(/^node\./, "").replace(/[[~].*$/, ""), state, ...more });

const nowhere = (): undefined => undefined;

describe("the graph of a pipeline", () => {
  it("has a box for each node, and drops needs of what is not there", () => {
    const range = { file: "x.hcl", start: { line: 1, column: 1, byte: 0 }, end: { line: 1, column: 1, byte: 0 } };
    const g = graphOfPipeline([
      { id: "script", kind: "node", type: "ollama.chat", range },
      { id: "gate.review", kind: "gate", needs: ["script", "gone"], when: true, range },
      { id: "module.finish", kind: "module", needs: ["gate.review"], for_each: true, repeat: true, range },
    ]);
    expect(g.boxes.map((b) => [b.id, b.title, b.kind, b.needs])).toEqual([
      ["script", "script", "node", []],
      ["gate.review", "review", "gate", ["script"]],
      ["module.finish", "finish", "module", ["gate.review"]],
    ]);
    expect(g.boxes[1]).toMatchObject({ when: true });
    expect(g.boxes[2]).toMatchObject({ forEach: true, repeat: true });
    expect(graphOfPipeline([]).boxes).toEqual([]);
  });
});

describe("the graph of a run", () => {
  const run = [
    node("node.plan", "succeeded", { type: "control.plan" }),
    node("node.shot[0]", "succeeded", { key: "[0]", needs: ["plan"] }),
    node("node.shot[1]", "running", { key: "[1]", needs: ["plan"] }),
    node("node.shot[2]", "failed", { key: "[2]", needs: ["plan"] }),
    node('module.finish["a~b"]~2', "running", { name: "module.finish", key: '["a~b"]', iter: 2, needs: ["shot"] }),
    node('module.finish["a~b"]~2/node.mix', "running", { name: "mix", in: 'module.finish["a~b"]~2', agent: "box2", devices: ["GPU-1"], attempt: 2 }),
    node('module.finish["a~b"]~2/gate.sure', "waiting", { name: "gate.sure", in: 'module.finish["a~b"]~2', needs: ["mix"] }),
  ];
  const g = graphOfRun(run, (at) => (at === "node.shot[1]" ? 0.5 : at.endsWith("mix") ? 0.25 : undefined));

  it("folds what is for each into one box with counts", () => {
    expect(g.boxes.map((b) => b.id)).toEqual(["plan", "shot", "module.finish", "module.finish/mix", "module.finish/gate.sure"]);
    expect(g.boxes[1]).toMatchObject({ forEach: true, needs: ["plan"], live: { state: "running", fraction: 2.5 / 3 } });
    expect(g.boxes[1]?.live?.counts).toEqual([
      ["running", 1],
      ["failed", 1],
      ["succeeded", 1],
    ]);
  });

  it("puts what is in a module into its box", () => {
    expect(g.boxes[3]).toMatchObject({ in: "module.finish", title: "mix", live: { state: "running", fraction: 0.25, agent: "box2", devices: ["GPU-1"], attempt: 2 } });
    expect(g.boxes[4]).toMatchObject({ in: "module.finish", kind: "gate", needs: ["module.finish/mix"] });
    expect(g.boxes[2]).toMatchObject({ needs: ["shot"], repeat: true });
  });

  it("leads from a box to the instance that most needs to be seen, and back", () => {
    expect(telling(run, "shot")?.at).toBe("node.shot[1]");
    expect(telling(run, "gone")).toBeUndefined();
    for (const n of run) expect(g.boxes.some((b) => b.id === boxOf(n))).toBe(true);
  });

  it("keeps its shape while only states change", () => {
    const later = graphOfRun(run.map((n) => ({ ...n, state: "succeeded" })), nowhere);
    expect(shapeOf(later)).toBe(shapeOf(g));
    expect(shapeOf(graphOfRun(run.slice(0, 5), nowhere))).not.toBe(shapeOf(g));
    expect(later.boxes[1]?.live?.fraction).toBeUndefined();
  });

  it("shows a state that it does not know", () => {
    expect(graphOfRun([node("node.a", "dreaming")], nowhere).boxes[0]?.live?.state).toBe("dreaming");
  });
});
