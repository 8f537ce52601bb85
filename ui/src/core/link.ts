// The one WebSocket of a page: who follows what, and how it comes back after a break. It knows no run's shape.
import { exact } from "./exact.js";
import type { Schemas } from "../api/client.js";
import type { Event, Run } from "./fold.js";

export type Report = Schemas["Report"];

/** What is said of one run. Events come in order and without gaps; after a break, a snapshot and what was missed. */
export interface RunListener {
  snapshot(run: Run): void;
  events(events: Event[]): void;
  report(report: Report): void;
  /** The run has ended, and nothing more comes. */
  end(): void;
  problem(problem: Schemas["Problem"]): void;
}

/** connecting; live; waiting: it was cut, and tries again; out: the session does not count any more; idle: nobody listens. */
export type LinkState = "idle" | "connecting" | "live" | "waiting" | "out";

interface Message {
  type: string;
  runId?: string;
  seq?: number;
  data?: unknown;
}

/** The part of a WebSocket that is used; a test has one of its own. */
export type Socket = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose" | "readyState">;

export interface LinkParts {
  open(): Socket;
  /** later calls back once, and gives what calls that off. */
  later(ms: number, then: () => void): () => void;
  random(): number;
}

const signedOut = 4401;
const shortest = 500;
const longest = 15_000;

/** Link keeps one connection for as long as anybody listens. */
export class Link {
  state: LinkState = "idle";
  private socket: Socket | undefined;
  private tries = 0;
  private cancelRetry: (() => void) | undefined;
  private runs = new Map<string, { listener: RunListener; seq?: number }>();
  private lists = new Set<(run: Run | undefined) => void>();
  private watchers = new Set<() => void>();
  private readonly parts: LinkParts;

  constructor(parts: LinkParts) {
    this.parts = parts;
  }

  /** follow listens to a run until the function that it gives is called. A run has one listener. */
  follow(id: string, listener: RunListener): () => void {
    const entry = { listener };
    this.runs.set(id, entry);
    this.wake(() => this.subscribe(id));
    return () => {
      if (this.runs.get(id) !== entry) return;
      this.runs.delete(id);
      this.say({ action: "UNSUBSCRIBE", runId: id });
      this.rest();
    };
  }

  /** followRuns tells of every run whose state changes; undefined: some may have been missed. */
  followRuns(listener: (run: Run | undefined) => void): () => void {
    this.lists.add(listener);
    this.wake(() => this.say({ action: "SUBSCRIBE", runs: true }));
    return () => {
      this.lists.delete(listener);
      if (this.lists.size === 0) this.say({ action: "UNSUBSCRIBE", runs: true });
      this.rest();
    };
  }

  /** again asks for a snapshot of a run that is followed. */
  again(id: string): void {
    if (this.runs.has(id)) this.subscribe(id);
  }

  /** watch is told of every change of state. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** now tries again at once, as after a sign-in or when the network is back. */
  now(): void {
    if (this.socket === undefined && this.wanted()) this.connect();
  }

  private wanted(): boolean {
    return this.runs.size + this.lists.size > 0;
  }

  private wake(live: () => void): void {
    if (this.state === "live") live();
    else if (this.state === "idle") this.connect();
  }

  private rest(): void {
    if (this.wanted()) return;
    this.cancelRetry?.();
    const socket = this.socket;
    this.socket = undefined;
    this.enter("idle");
    socket?.close();
  }

  private enter(state: LinkState): void {
    if (this.state === state) return;
    this.state = state;
    for (const watcher of this.watchers) watcher();
  }

  private connect(): void {
    this.cancelRetry?.();
    this.enter("connecting");
    const socket = this.parts.open();
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.tries = 0;
      this.enter("live");
      for (const id of this.runs.keys()) this.subscribe(id);
      if (this.lists.size > 0) this.say({ action: "SUBSCRIBE", runs: true });
      for (const list of this.lists) list(undefined);
    };
    socket.onmessage = (m: MessageEvent<string>) => {
      if (this.socket === socket) this.hear(m.data);
    };
    socket.onclose = (e: CloseEvent) => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.cut(e.code);
    };
  }

  private cut(code: number): void {
    if (code === signedOut) {
      this.enter("out");
      return;
    }
    const wait = Math.min(longest, shortest * 2 ** this.tries++) * (0.5 + this.parts.random() / 2);
    this.cancelRetry = this.parts.later(wait, () => this.connect());
    this.enter("waiting");
  }

  private subscribe(id: string): void {
    const seq = this.runs.get(id)?.seq;
    this.say({ action: "SUBSCRIBE", runId: id, ...(seq === undefined ? {} : { after: seq }) });
  }

  private say(action: object): void {
    if (this.state === "live") this.socket?.send(JSON.stringify(action));
  }

  private hear(text: string): void {
    const said = JSON.parse(exact(text)) as Message | Message[];
    const events = new Map<string, Event[]>(); // those that stand beside each other are told at once
    const tell = (): void => {
      for (const [id, list] of events) this.runs.get(id)?.listener.events(list);
      events.clear();
    };
    for (const m of Array.isArray(said) ? said : [said]) {
      if (m.type === "event") {
        this.event(m, events);
        continue;
      }
      tell();
      this.other(m);
    }
    tell();
  }

  private event(m: Message, into: Map<string, Event[]>): void {
    const id = m.runId ?? "";
    const entry = this.runs.get(id);
    if (entry === undefined || m.seq === undefined || m.seq <= (entry.seq ?? 0)) return;
    entry.seq = m.seq;
    into.set(id, [...(into.get(id) ?? []), { ...(m.data as Event), seq: m.seq }]);
  }

  private other(m: Message): void {
    const entry = this.runs.get(m.runId ?? "");
    switch (m.type) {
      case "snapshot":
        if (entry === undefined) return;
        entry.seq ??= m.seq ?? 0; // after a break, what was missed still comes as events
        entry.listener.snapshot(m.data as Run);
        return;
      case "report":
        entry?.listener.report(m.data as Report);
        return;
      case "end":
        entry?.listener.end();
        return;
      case "run":
        for (const list of this.lists) list(m.data as Run);
        return;
      case "error":
        entry?.listener.problem(m.data as Schemas["Problem"]);
        return;
      case "resync": // too slow: it closes, and comes back with what was missed
        this.socket?.close();
    }
  }
}

/** socketTo opens a WebSocket of the page's own host. */
export const socketTo = (path: string): Socket => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);

/** The browser's clock and chance. */
export const timer: Omit<LinkParts, "open"> = {
  later(ms, then) {
    const set = setTimeout(then, ms);
    return () => clearTimeout(set);
  },
  random: Math.random,
};

/** browserLink connects to the page's own host. */
export function browserLink(): Link {
  const link = new Link({ open: () => socketTo("/ws"), ...timer });
  addEventListener("online", () => link.now());
  return link;
}
