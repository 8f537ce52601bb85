import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/client.js";
import type { Run } from "./fold.js";
import { Notices, shown, wishOf } from "./notices.js";

const run = (state: string, id = "run_1"): Run => ({ id, pipeline: "film", state, created: "", updated: "" }) as unknown as Run;
const gate = (at: string, since = "1"): Schemas["Gate"] => ({ run: "run_1", pipeline: "film", at, since, ask: { message: `${at}?` } }) as unknown as Schemas["Gate"];

describe("notices", () => {
  it("tell of an end once, and again after a resume", () => {
    const n = new Notices();
    expect([n.end(run("running")), n.end(run("failed")), n.end(run("failed")), n.end(run("running")), n.end(run("succeeded"))].map((x) => x && "state" in x && x.state)).toEqual([undefined, "failed", undefined, undefined, "succeeded"]);
  });
  it("tell of gates that open while somebody is there, each once", () => {
    const n = new Notices();
    expect(n.gates([gate("gate.a")])).toEqual([]);
    expect(n.gates([gate("gate.a"), gate("gate.b")])).toEqual([{ kind: "gate", run: "run_1", pipeline: "film", at: "gate.b", message: "gate.b?" }]);
    expect(n.gates([gate("gate.b")])).toEqual([]);
    expect(n.gates([gate("gate.b", "2")]).map((x) => x.kind)).toEqual(["gate"]);
  });
  it("are left out where the page shows the same", () => {
    const [asks] = (() => {
      const n = new Notices();
      n.gates([]);
      return n.gates([gate("gate.a")]);
    })();
    const ends = new Notices().end(run("failed"));
    if (asks === undefined || ends === undefined) throw new Error("nothing is told");
    expect(["/runs/run_1", "/approvals", "/", "/runs/run_2"].map((path) => [shown(ends, path), shown(asks, path)])).toEqual([
      [true, true],
      [false, true],
      [false, false],
      [false, false],
    ]);
  });
  it("are wished for by a person, whatever a browser kept", () => {
    expect([wishOf(null), wishOf("no JSON"), wishOf("null"), wishOf('{"ends":true,"gates":1}')]).toEqual([
      { ends: false, gates: false },
      { ends: false, gates: false },
      { ends: false, gates: false },
      { ends: true, gates: false },
    ]);
  });
});
