import { expect, test } from "vitest";
import type { Socket } from "./link.js";
import { Lsp, LspError, type Found } from "./lsp.js";

interface Said {
  id?: number;
  method?: string;
  params?: { textDocument?: { text?: string; version?: number }; contentChanges?: unknown };
  error?: { code: number };
}

/** rig is a client whose sockets, clock and document the test holds. */
function rig(text = "one") {
  const sockets: (Socket & { said: Said[]; closed: boolean })[] = [];
  const timers: { ms: number; then: () => void; off: boolean }[] = [];
  const log: string[] = [];
  const doc = { text };
  const lsp = new Lsp(
    {
      open() {
        const socket = { said: [] as Said[], closed: false, readyState: 0 as WebSocket["readyState"], onopen: null, onmessage: null, onclose: null, send: (m: string) => socket.said.push(JSON.parse(m) as Said), close: () => (socket.closed = true) };
        sockets.push(socket as never);
        return socket as unknown as Socket;
      },
      later(ms, then) {
        const timer = { ms, then, off: false };
        timers.push(timer);
        return () => (timer.off = true);
      },
      random: () => 1,
    },
    "file:///film.hcl",
    () => doc.text,
    {
      found: (uri: string, list: Found[]) => log.push(`${uri}: ${list.map((f) => f.message).join(", ")}`),
      state: (state, why) => log.push(why === "" ? state : `${state}: ${why}`),
      message: (m) => log.push(`says ${m}`),
    },
  );
  const last = () => sockets[sockets.length - 1] as (typeof sockets)[number];
  const hear = (m: unknown) => last().onmessage?.call(last() as never, { data: JSON.stringify(m) } as never);
  return {
    lsp,
    doc,
    log,
    sockets,
    timers,
    hear,
    said: () => last().said,
    names: () => last().said.map((m) => m.method ?? "answer"),
    cut: (code = 1006, reason = "") => last().onclose?.call(last() as never, { code, reason } as never),
    /** greet opens the newest socket, and answers its initialize. */
    async greet() {
      last().onopen?.call(last() as never, {} as never);
      hear({ id: last().said[0]?.id, result: { capabilities: {} } });
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

test("it greets, opens the document as it is then, and tells of changes", async () => {
  const r = rig();
  r.lsp.changed([]); // nobody is there yet
  r.doc.text = "two";
  await r.greet();
  expect(r.names()).toEqual(["initialize", "initialized", "textDocument/didOpen"]);
  expect(r.said()[2]?.params?.textDocument?.text).toBe("two");
  const change = { range: { start: { line: 0, character: 0 }, end: { line: 0, character: 1 } }, text: "x" };
  r.lsp.changed([change]);
  expect(r.said()[3]?.params?.contentChanges).toEqual([change]);
  expect(r.said()[3]?.params?.textDocument?.version).toBeGreaterThan(r.said()[2]?.params?.textDocument?.version ?? 0);
  r.hear({ method: "textDocument/publishDiagnostics", params: { uri: "file:///film.hcl", diagnostics: [{ message: "wrong" }] } });
  r.hear({ method: "window/showMessage", params: { message: "hello" } });
  expect(r.log).toEqual(["live", "file:///film.hcl: wrong", "says hello"]);
});

test("a question gets its own answer, whatever order they come in", async () => {
  const r = rig();
  await r.greet();
  const first = r.lsp.ask<string>("textDocument/hover");
  const second = r.lsp.ask<string>("textDocument/completion");
  const third = r.lsp.ask("textDocument/rename");
  const [a, b, c] = r.said().slice(3).map((m) => m.id);
  r.hear([{ id: b, result: "b" }, { id: a, result: null }]);
  r.hear({ id: c, error: { code: -32803, message: "that name is taken" } });
  r.hear({ id: 999, result: "nobody asked" });
  expect(await first).toBeUndefined();
  expect(await second).toBe("b");
  await expect(third).rejects.toThrow(new LspError("that name is taken"));
});

test("what the server asks is refused politely", async () => {
  const r = rig();
  await r.greet();
  r.hear({ id: "x", method: "client/registerCapability", params: {} });
  expect(r.said()[3]).toMatchObject({ id: "x", error: { code: -32601 } });
});

test("a break answers everybody with nothing, and the document is opened anew", async () => {
  const r = rig();
  await r.greet();
  const asked = r.lsp.ask("textDocument/hover");
  r.cut();
  expect(await asked).toBeUndefined();
  expect(r.lsp.state).toBe("waiting");
  expect(await r.lsp.ask("textDocument/hover")).toBeUndefined();
  expect(r.timers.map((x) => x.ms)).toEqual([500]);
  r.timers[0]?.then();
  r.cut(); // before it has greeted
  expect(r.timers[1]?.ms).toBe(1000);
  r.doc.text = "three";
  r.lsp.again();
  expect(r.timers[1]?.off).toBe(true);
  await r.greet();
  expect(r.said()[2]?.params?.textDocument?.text).toBe("three");
  expect(r.lsp.state).toBe("live");
});

test("how it ended says what to do: rest until a change, stay out, say why not", async () => {
  const r = rig();
  await r.greet();
  r.cut(4408, "nothing was said for long");
  expect(r.lsp.state).toBe("resting");
  r.lsp.changed([]);
  expect(r.sockets).toHaveLength(2);
  await r.greet();
  r.cut(4429, "16 editors are open");
  expect(r.log.at(-1)).toBe("refused: 16 editors are open");
  r.lsp.again();
  r.cut(4401, "the token was revoked");
  expect(r.log.at(-1)).toBe("out: the token was revoked");
  expect(r.timers).toHaveLength(0);
});

test("after its end nothing is told and nothing is tried", async () => {
  const r = rig();
  await r.greet();
  const asked = r.lsp.ask("textDocument/hover");
  r.lsp.end();
  expect(await asked).toBeUndefined();
  expect(r.sockets[0]?.closed).toBe(true);
  const told = r.log.length;
  r.cut();
  r.hear({ method: "window/showMessage", params: { message: "late" } });
  expect(r.log).toHaveLength(told);
  expect(r.timers).toHaveLength(0);
});
