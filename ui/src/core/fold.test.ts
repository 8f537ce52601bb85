import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UnknownEventError, View, type Event, type Node, type Run } from "./fold.js";

// What the host's Fold makes of recorded journals: host/internal/app/host/shape, TestViews -update.
interface Step {
  event: Event;
  state: string;
  nodes: Node[];
}
interface Vector {
  start: Run;
  steps: Step[];
}
const folder = new URL("../../testdata/folds/", import.meta.url);
const vectors = readdirSync(folder).filter((name) => name.endsWith(".json"));
const vector = (name: string): Vector => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Vector;

/** Kinds after which only the host knows. Of any other event the view has to come to what the host comes to. */
const mayBeUnsure = new Set(["attempt_ended", "node_failed", "node_decided", "module_opened", "module_ended", "cancel_requested", "deadline_passed", "run_paused", "run_continued", "run_resumed", "run_ended"]);

/** shown leaves out the first round of what has not begun: an event's reader cannot know yet that it repeats. */
const shown = (nodes: Node[]): Node[] => nodes.map((n) => (n.iter === 1 && n.state === "ready" ? { ...n, iter: 0, at: n.at.replace(/~1$/, "") } : { ...n, iter: n.iter ?? 0 }));

test("there are vectors", () => expect(vectors.length).toBeGreaterThan(1));

test.each(vectors)("%s comes to what the host comes to", (name) => {
  const { start, steps } = vector(name);
  let v = new View(start);
  let sure = 0;
  for (const { event, state, nodes } of steps) {
    v.apply([event]);
    const of = `event ${event.seq}, ${event.kind} ${event.node ?? ""}`;
    if (v.unsure) {
      expect(mayBeUnsure, of).toContain(event.kind);
      v = new View({ ...v.run, state, nodes });
      continue;
    }
    sure++;
    expect({ state: v.run.state, nodes: shown(v.run.nodes ?? []) }, of).toEqual({ state, nodes: shown(nodes) });
  }
  expect(sure).toBeGreaterThan(steps.length / 2);
});

test("what came before changes nothing, and a gap makes it unsure", () => {
  const { start, steps } = vector(vectors[0] ?? "");
  const v = new View(start);
  const first = steps[0]?.event as Event;
  v.apply([first, first]);
  expect(v.unsure).toBe(false);
  expect(v.run.seq).toBe(first.seq);
  v.apply([{ ...first, seq: first.seq + 2 }]);
  expect(v.unsure).toBe(true);
  expect(v.run.seq).toBe(first.seq);
});

test("a later version's event is refused in words", () => {
  const { start, steps } = vector(vectors[0] ?? "");
  const first = steps[0]?.event as Event;
  expect(() => new View(start).apply([{ ...first, kind: "run_teleported" }])).toThrow(UnknownEventError);
  expect(() => new View(start).apply([{ ...first, v: 2 }])).toThrow(/reload the page/);
});
