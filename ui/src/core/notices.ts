// What a browser tells of runs while somebody looks elsewhere: that one has ended, or asks something. Each once.
import type { Schemas } from "../api/client.js";
import { hasEnded, type Run } from "./fold.js";

/** What somebody wants to be told of. */
export interface Wish {
  ends: boolean;
  gates: boolean;
}

export type Notice =
  | { kind: "end"; run: string; pipeline: string; state: string }
  | { kind: "gate"; run: string; pipeline: string; at: string; message: string };

/** Notices remembers what was told. Runs that end and gates that open come in; what is new comes out. */
export class Notices {
  private ended = new Set<string>();
  private asked: Set<string> | undefined; // undefined: what is open from before is not known yet

  /** end takes in a run whose state has changed. One that was resumed may end again. */
  end(run: Run): Notice | undefined {
    if (!hasEnded(run.state)) {
      this.ended.delete(run.id);
      return undefined;
    }
    if (this.ended.has(run.id)) return undefined;
    this.ended.add(run.id);
    return { kind: "end", run: run.id, pipeline: run.pipeline, state: run.state };
  }

  /** gates takes in all gates that are open; those that are at the first call are not told of. */
  gates(open: readonly Schemas["Gate"][]): Notice[] {
    const keyOf = (g: Schemas["Gate"]): string => `${g.run}/${g.at}/${g.since ?? ""}`;
    const before = this.asked;
    this.asked = new Set(open.map(keyOf));
    if (before === undefined) return [];
    return open.filter((g) => !before.has(keyOf(g))).map((g) => ({ kind: "gate", run: g.run, pipeline: g.pipeline, at: g.at, message: g.ask?.message ?? "" }));
  }
}

/** shown says whether a page shows that already. */
export const shown = (n: Notice, path: string): boolean => path === `/runs/${n.run}` || (n.kind === "gate" && path === "/approvals");

/** wishOf reads what a browser kept; nothing is wished for by itself. */
export function wishOf(kept: string | null): Wish {
  try {
    const v = JSON.parse(kept ?? "{}") as Partial<Wish> | null;
    return { ends: v?.ends === true, gates: v?.gates === true };
  } catch {
    return { ends: false, gates: false };
  }
}
