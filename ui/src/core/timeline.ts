// What each node instance of a run did when: made of the run's events, all of them from the first on.
import { hasEnded, type Event, type Node } from "./fold.js";

/** A time in which an instance was in one way. */
export interface Span {
  kind: "wait" | "attempt" | "backoff" | "gate" | "module" | "moment";
  /** In ms since 1970; `to` is undefined while it goes on. A moment ends when it begins. */
  from: number;
  to?: number;
  /** How an attempt, a gate, a module or a moment ended, or is. */
  state: string;
  /** Of an attempt. */
  attempt?: number;
  agent?: string;
  /** What went wrong. */
  wrong?: string;
}

/** placeOf is the same for what is said of one instance, over all its rounds. */
export const placeOf = (n: { in?: string; name: string; key?: string }): string => `${n.in ?? ""}\n${n.name}\n${n.key ?? ""}`;

/** Timeline is changed in place; `spans` are by placeOf, in the order of their beginnings. */
export class Timeline {
  readonly spans = new Map<string, Span[]>();
  /** The sequence number of the last event. */
  seq = 0;

  /** apply takes events in order; those that it has already change nothing. */
  apply(events: readonly Event[]): void {
    for (const e of events) {
      if (e.seq <= this.seq) continue;
      this.seq = e.seq;
      this.take(e, Date.parse(e.time));
    }
  }

  private take(e: Event, at: number): void {
    const place = placeOf({ ...(e.in ? { in: e.in } : {}), name: e.node ?? "", ...(e.key ? { key: e.key } : {}) });
    const begin = (span: Omit<Span, "from">): void => this.begin(place, { from: at, ...span });
    const state = e.error === undefined ? "succeeded" : "failed";
    switch (e.kind) {
      case "node_expanded":
        if (e.skip) this.begin(place, { kind: "moment", from: at, to: at, state: "skipped" });
        else for (const key of e.each ? (e.keys ?? []) : [""]) this.begin(placeOf({ ...(e.in ? { in: e.in } : {}), name: e.node ?? "", key }), { kind: "wait", from: at, state: "ready" });
        return;
      case "attempt_started":
        this.end(place, at);
        begin({ kind: "attempt", state: "running", attempt: e.attempt ?? 1, ...(e.agent ? { agent: e.agent } : {}) });
        return;
      case "attempt_ended":
        this.end(place, at, state, e.error?.message);
        if (e.error !== undefined || e.again) begin({ kind: e.again ? "wait" : "backoff", state: e.again ? "ready" : "backoff" });
        return;
      case "gate_opened":
        this.end(place, at);
        begin({ kind: "gate", state: "waiting" });
        return;
      case "module_opened":
        this.end(place, at);
        begin({ kind: "module", state: "running" });
        return;
      case "gate_answered":
      case "module_ended":
        this.end(place, at, state, e.error?.message);
        if (e.again) begin({ kind: "wait", state: "ready" });
        return;
      case "node_cached":
        this.end(place, at);
        begin({ kind: "moment", to: at, state: "cached" });
        return;
      case "node_failed":
        this.end(place, at);
        begin({ kind: "moment", to: at, state: "failed", ...(e.error ? { wrong: e.error.message } : {}) });
        return;
      case "run_ended":
        for (const open of this.spans.keys()) this.end(open, at, "cancelled");
    }
  }

  private begin(place: string, span: Span): void {
    const there = this.spans.get(place);
    if (there === undefined) this.spans.set(place, [span]);
    else there.push(span);
  }

  /** end closes what goes on; a state is that of what was more than waiting. */
  private end(place: string, at: number, state?: string, wrong?: string): void {
    const span = this.spans.get(place)?.at(-1);
    if (span === undefined || span.to !== undefined) return;
    span.to = at;
    if (state !== undefined && span.kind !== "wait" && span.kind !== "backoff") span.state = state;
    if (wrong !== undefined) span.wrong = wrong;
  }
}

/** spansOf gives what an instance did, without the wait after its last failure: that leads nowhere once it has ended. */
export function spansOf(timeline: Timeline, n: Node): readonly Span[] {
  const spans = timeline.spans.get(placeOf(n)) ?? [];
  return hasEnded(n.state) && spans.at(-1)?.kind === "backoff" ? spans.slice(0, -1) : spans;
}

const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/** ticks are round numbers of seconds up to a length, at most so many. */
export function ticks(seconds: number, most: number): number[] {
  const step = steps.find((s) => seconds / s <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => Number((i * step).toFixed(2)));
}
