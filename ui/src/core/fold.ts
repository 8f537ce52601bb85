// The run as the pages show it: a snapshot of the host's, and the numbered events since. It is the host's own Fold (core/run/progress)
// as far as a reader can know it; where an event's effect depends on what only the host knows (how failures are treated, what
// is inside a module), the view says that it is unsure, and whoever holds it asks for a new snapshot.
import type { Schemas } from "../api/client.js";

export type Run = Schemas["Run"];
export type Node = Schemas["Node"];
type Values = NonNullable<Node["outputs"]>;

/** One recorded fact, as the journal has it. Only what is read here is named. */
export interface Event {
  seq: number;
  time: string;
  kind: string;
  v: number;
  in?: string;
  node?: string;
  key?: string; // as in an address: [2], ["a"]
  keys?: string[];
  iter?: number;
  attempt?: number;
  rung?: number;
  each?: boolean;
  skip?: boolean;
  again?: boolean;
  reason?: string;
  source?: string;
  status?: string;
  agent?: string;
  devices?: string[];
  memory?: number;
  deadline?: string;
  outputs?: Values;
  outputs_ref?: string;
  ask?: Schemas["Question"];
  ask_ref?: string;
  usage?: Schemas["Usage"];
  error?: Schemas["Error"];
}

/** An event that a later version of spinbot wrote: the page has to be loaded anew, or the host upgraded. */
export class UnknownEventError extends Error {
  constructor(event: Event) {
    super(`event "${event.kind}" version ${event.v} was written by a later version of spinbot; reload the page to get its newest version`);
  }
}

const version = 1;
const ended = new Set(["succeeded", "failed", "skipped", "cancelled", "cached"]);

/** hasEnded says whether a state, of a run or a node, is final. */
export const hasEnded = (state: string): boolean => ended.has(state);

/** View is one run; it is changed in place. `run` is a new object after every change, and so is each node that changed. */
export class View {
  run: Run;
  /** Something happened whose effect only the host knows: a new snapshot is due. */
  unsure = false;
  private nodes: Node[];
  private places = new Map<string, number>();

  constructor(snapshot: Run) {
    this.run = snapshot;
    this.nodes = [...(snapshot.nodes ?? [])];
    this.index();
  }

  /** apply takes events in order. Those that the view has already change nothing; a gap leaves it unsure. */
  apply(events: readonly Event[]): void {
    let run = this.run;
    for (const e of events) {
      if (e.seq <= run.seq) continue;
      if (e.seq !== run.seq + 1) {
        this.unsure = true;
        break;
      }
      if (e.v !== version || !(e.kind in effects)) throw new UnknownEventError(e);
      const over = hasEnded(run.state) && e.kind !== "run_resumed";
      run = { ...run, ...(over ? {} : effects[e.kind]?.(this, e, run)), seq: e.seq };
      if (Date.parse(e.time) > Date.parse(run.updated)) run.updated = e.time;
    }
    this.run = { ...run, nodes: [...this.nodes] };
  }

  private index(): void {
    this.places = new Map(this.nodes.map((n, at) => [place(n.in ?? "", n.name, n.key ?? "", n.iter), at]));
  }

  /** find gives the instance that an event speaks of. One that repeats gets its first round when that is first heard of. */
  find(e: Event): number | undefined {
    const of = [e.in ?? "", e.node ?? "", e.key ?? ""] as const;
    return this.places.get(place(...of, e.iter)) ?? (e.iter === 1 ? this.places.get(place(...of)) : undefined);
  }

  /** nodeAt gives the node that find found. */
  nodeAt(at: number): Node | undefined {
    return this.nodes[at];
  }

  /** set puts what change makes of the instance in its place; undefined leaves it. */
  set(e: Event, change: (n: Node) => Node | undefined): void {
    const at = this.find(e);
    const node = at === undefined ? undefined : this.nodes[at];
    if (at === undefined || node === undefined) {
      this.unsure = true;
      return;
    }
    const first = e.iter !== undefined && node.iter === undefined;
    const next = change(first ? { ...node, iter: e.iter ?? 1, at: address(node, node.key ?? "", e.iter) } : node);
    if (next === undefined) return;
    this.nodes[at] = next;
    if (next.iter !== node.iter) this.index();
  }

  all(change: (n: Node) => Node): void {
    this.nodes = this.nodes.map(change);
  }

  /** expand puts instances in the place of a node that had none. */
  expand(e: Event): void {
    const at = this.places.get(place(e.in ?? "", e.node ?? "", ""));
    const node = at === undefined ? undefined : this.nodes[at];
    if (at === undefined || node === undefined) {
      this.unsure = true;
    } else if (e.skip) {
      this.nodes[at] = { ...node, state: "skipped", ended: e.time };
    } else if (e.each && (e.keys ?? []).length === 0) {
      this.nodes[at] = { ...node, state: "succeeded", started: e.time, ended: e.time };
    } else {
      const base = without(node, "started"); // it begins with its first attempt
      const keys = e.each ? (e.keys ?? []) : [""];
      this.nodes.splice(at, 1, ...keys.map((key): Node => ({ ...base, state: "ready", at: address(node, key), ...(key === "" ? {} : { key }) })));
      this.index();
    }
  }
}

const place = (within: string, name: string, key: string, iter?: number): string => `${within}\n${name}\n${key}\n${iter ?? ""}`;

function address(n: Node, key: string, iter?: number): string {
  const name = n.name.startsWith("gate.") || n.name.startsWith("module.") ? n.name : `node.${n.name}`;
  return `${n.in ? n.in + "/" : ""}${name}${key}${iter ? `~${iter}` : ""}`;
}

const isModule = (n: Node): boolean => n.name.startsWith("module.");

/** without gives a node that has lost some fields. */
function without(n: Node, ...names: (keyof Node)[]): Node {
  return Object.fromEntries(Object.entries(n).filter(([name]) => !names.includes(name as keyof Node))) as Node;
}

function only<K extends keyof Event>(e: Event, ...names: K[]): { [N in K]?: NonNullable<Event[N]> } {
  return Object.fromEntries(names.filter((k) => e[k] !== undefined).map((k) => [k, e[k]])) as { [N in K]?: NonNullable<Event[N]> };
}

/** finish is a success: another round, or the end. */
function finish(v: View, e: Event, state: string): void {
  v.set(e, (n) => {
    const rest = without(n, "error", "ask", "ask_ref", "until", "outputs", ...(state === "succeeded" ? (["usage"] as const) : []));
    if (e.again) {
      const iter = (n.iter ?? 1) + 1;
      return { ...without(rest, "attempt", "rung"), iter, at: address(n, n.key ?? "", iter), state: "ready", ...only(e, "usage") };
    }
    return { ...rest, state, ended: e.time, started: n.started ?? e.time, ...only(e, "outputs", "outputs_ref", "source", "usage") };
  });
}

/** abandon marks what never came to an end by itself. */
function abandon(v: View, at: string): void {
  v.all((n) => (hasEnded(n.state) ? n : { ...without(n, "ask", "ask_ref", "until"), state: "cancelled", ended: at }));
}

function current(n: Node, e: Event): boolean {
  return !isModule(n) && n.attempt === e.attempt && (n.state === "running" || n.state === "cancelling");
}

function attemptEnded(v: View, e: Event): void {
  const at = v.find(e);
  const node = at === undefined ? undefined : v.nodeAt(at);
  if (node === undefined || !current(node, e)) return; // of another attempt: attempts are the fence
  if (node.state === "running" && e.error === undefined) {
    finish(v, e, "succeeded");
    return;
  }
  v.unsure = true; // another attempt, a person, or the end: the host knows
  const again = e.error?.permanent !== true && (node.attempt ?? 1) < (node.attempts ?? 1);
  const state = node.state === "cancelling" ? "cancelled" : again ? "backoff" : "failed";
  v.set(e, (n) => ({ ...n, state, ...only(e, "error", "usage"), ...(hasEnded(state) ? { ended: e.time } : {}) }));
}

type Effect = (v: View, e: Event, run: Run) => Partial<Run> | undefined;

const unsure: Effect = (v) => {
  v.unsure = true;
  return undefined;
};

const nothing: Effect = () => undefined;

/** What each kind of event does. A kind that is not here is of a later version. */
const effects: Record<string, Effect> = {
  run_created: unsure,
  run_started: () => ({ state: "running" }),
  run_prioritized: nothing,
  run_paused: (v, e, run) => {
    v.unsure = true; // a run that is to end is not paused any more
    return run.state === "running" ? { state: "paused", ...(e.reason ? { error: e.reason } : {}) } : undefined;
  },
  run_continued: unsure,
  run_resumed: unsure,
  run_ended: (v, e) => {
    abandon(v, e.time);
    v.unsure = e.status !== "succeeded"; // why, in the host's words
    return { state: e.status ?? "failed", ...(e.outputs ? { outputs: e.outputs } : {}) };
  },
  cancel_requested: (v, e, run) => {
    if (e.node) return unsure(v, e, run);
    v.all((n) => (n.state === "running" && !isModule(n) ? { ...n, state: "cancelling" } : n));
    return run.state === "paused" ? { state: "running" } : undefined;
  },
  deadline_passed: unsure,
  node_expanded: (v, e) => {
    v.expand(e);
    return undefined;
  },
  node_failed: (v, e) => {
    v.unsure = true;
    v.set(e, (n) => ({ ...n, state: "failed", ended: e.time, ...only(e, "error") }));
    return undefined;
  },
  node_cached: (v, e) => {
    finish(v, e, "cached");
    return undefined;
  },
  node_decided: unsure,
  attempt_started: (v, e) => {
    v.set(e, (n) => ({ ...without(n, "devices", "agent", "memory"), state: "running", started: n.started ?? e.time, ...only(e, "attempt", "devices", "agent", "memory") }));
    return undefined;
  },
  attempt_saved: nothing,
  attempt_ended: (v, e) => {
    attemptEnded(v, e);
    return undefined;
  },
  module_opened: (v, e) => {
    v.unsure = true; // what is inside
    v.set(e, (n) => ({ ...n, state: "running", started: n.started ?? e.time }));
    return undefined;
  },
  module_ended: (v, e) => {
    v.unsure = true;
    if (!e.error) finish(v, e, "succeeded");
    return undefined;
  },
  gate_opened: (v, e) => {
    v.set(e, (n) => ({ ...n, state: "waiting", started: e.time, ask: e.ask ?? {}, ...only(e, "ask_ref"), ...(e.deadline ? { until: e.deadline } : {}) }));
    return undefined;
  },
  gate_answered: (v, e) => {
    finish(v, e, "succeeded");
    return undefined;
  },
};
