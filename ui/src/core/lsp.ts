// A client of the Language Server Protocol for one document, over a WebSocket that breaks and comes back. It knows neither the
// editor nor the page.
import type { LinkParts, Socket } from "./link.js";

export interface Position {
  line: number;
  /** In UTF-16, as JavaScript counts. */
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Found {
  range: Range;
  /** 1: an error, 2: a warning. */
  severity: number;
  message: string;
}

export interface Edit {
  range: Range;
  newText: string;
}

export interface Location {
  uri: string;
  range: Range;
}

/** Proposal is what may be written at a place. */
export interface Proposal {
  label: string;
  kind: number;
  detail?: string;
  documentation?: { value: string };
  sortText?: string;
  filterText?: string;
  /** 2: its text has places to fill in. */
  insertTextFormat?: number;
  textEdit?: Edit;
}

/** Change puts text in the place of a range, of the document as the change before it left it. */
export interface Change {
  range: Range;
  text: string;
}

/**
 * connecting; live; waiting: it was cut, and tries again; resting: nobody said anything for long, and the next change wakes it; out: the
 * session does not count any more; refused: the host does not want it, and says why.
 */
export type LspState = "connecting" | "live" | "waiting" | "resting" | "out" | "refused";

export interface Listener {
  /** What is wrong with a document, which need not be the own one. */
  found(uri: string, list: Found[]): void;
  state(state: LspState, why: string): void;
  message(text: string): void;
}

/** LspError is what the server says of a question that it does not answer. */
export class LspError extends Error {}

interface Message {
  id?: number | string | null;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string };
}

const signedOut = 4401;
const rested = 4408;
const refusals = [1008, 1009, 4429];
const shortest = 500;
const longest = 15_000;

const abilities = { textDocument: { completion: { completionItem: { snippetSupport: true } } } };

/** Lsp keeps a document known to the server until `end`. */
export class Lsp {
  state: LspState = "connecting";
  private socket: Socket | undefined;
  private readonly waiting = new Map<number, { answer: (result: unknown) => void; refuse: (e: Error) => void }>();
  private next = 1;
  private version = 1;
  private tries = 0;
  private cancelRetry: (() => void) | undefined;
  private readonly parts: LinkParts;
  private readonly uri: string;
  private readonly text: () => string;
  private readonly told: Listener;

  /** text gives the document as it is, whenever a connection begins. */
  constructor(parts: LinkParts, uri: string, text: () => string, told: Listener) {
    this.parts = parts;
    this.uri = uri;
    this.text = text;
    this.told = told;
    this.connect();
  }

  /** changed tells of changes, in order, after they were made. */
  changed(changes: Change[]): void {
    if (this.state === "resting") this.connect();
    if (this.state === "live") this.notify("textDocument/didChange", { textDocument: { uri: this.uri, version: ++this.version }, contentChanges: changes });
  }

  /** saved tells that files may have changed. */
  saved(): void {
    if (this.state === "live") this.notify("textDocument/didSave", { textDocument: { uri: this.uri } });
  }

  /** ask asks about the document; undefined: nobody is there to answer. It throws an LspError. */
  ask<T>(method: string, params: object = {}): Promise<T | undefined> {
    if (this.state === "resting") this.connect();
    return this.state === "live" ? this.request<T>(method, { textDocument: { uri: this.uri }, ...params }) : Promise.resolve(undefined);
  }

  /** again connects at once, whatever it waits for. */
  again(): void {
    if (this.socket === undefined) this.connect();
  }

  /** end says farewell; nothing is told any more. */
  end(): void {
    this.cancelRetry?.();
    const socket = this.socket;
    this.socket = undefined;
    this.state = "out";
    this.settle();
    socket?.close();
  }

  private connect(): void {
    this.cancelRetry?.();
    this.enter("connecting");
    const socket = this.parts.open();
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket === socket) void this.greet(socket);
    };
    socket.onmessage = (m: MessageEvent<string>) => {
      if (this.socket === socket) this.hear(JSON.parse(m.data) as Message | Message[]);
    };
    socket.onclose = (e: CloseEvent) => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.cut(e.code, e.reason);
    };
  }

  private async greet(socket: Socket): Promise<void> {
    const root = { uri: "file:///", name: "pipelines" };
    const known = await this.request("initialize", { processId: null, rootUri: root.uri, workspaceFolders: [root], capabilities: abilities }).catch(() => undefined);
    if (this.socket !== socket || known === undefined) return;
    this.tries = 0;
    this.notify("initialized", {});
    this.notify("textDocument/didOpen", { textDocument: { uri: this.uri, languageId: "hcl", version: ++this.version, text: this.text() } });
    this.enter("live");
  }

  private cut(code: number, why: string): void {
    this.settle();
    if (code === signedOut) return this.enter("out", why);
    if (code === rested) return this.enter("resting", why);
    if (refusals.includes(code)) return this.enter("refused", why);
    const wait = Math.min(longest, shortest * 2 ** this.tries++) * (0.5 + this.parts.random() / 2);
    this.cancelRetry = this.parts.later(wait, () => this.connect());
    this.enter("waiting", why);
  }

  /** settle answers everybody who waits with nothing. */
  private settle(): void {
    for (const { answer } of this.waiting.values()) answer(undefined);
    this.waiting.clear();
  }

  private enter(state: LspState, why = ""): void {
    if (this.state === state && state !== "refused") return;
    this.state = state;
    this.told.state(state, why);
  }

  private request<T>(method: string, params: object): Promise<T | undefined> {
    const id = this.next++;
    return new Promise((answer, refuse) => {
      this.waiting.set(id, { answer: answer as (result: unknown) => void, refuse });
      this.say({ id, method, params });
    });
  }

  private notify(method: string, params: object): void {
    this.say({ method, params });
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }

  private hear(said: Message | Message[]): void {
    for (const m of Array.isArray(said) ? said : [said]) {
      if (m.method === undefined) this.answered(m);
      else if (m.id !== undefined) this.say({ id: m.id, error: { code: -32601, message: `${m.method} is not known here` } });
      else if (m.method === "textDocument/publishDiagnostics") {
        const { uri, diagnostics } = m.params as { uri: string; diagnostics: Found[] };
        this.told.found(uri, diagnostics);
      } else if (m.method === "window/showMessage") this.told.message((m.params as { message: string }).message);
    }
  }

  private answered({ id, result, error }: Message): void {
    const asked = this.waiting.get(Number(id));
    if (asked === undefined) return;
    this.waiting.delete(Number(id));
    if (error === undefined) asked.answer(result ?? undefined);
    else asked.refuse(new LspError(error.message));
  }
}
