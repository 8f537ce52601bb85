import { expect, test } from "vitest";
import type { Event, Run } from "./fold.js";
import { Link, type Socket } from "./link.js";

/** rig is a link whose sockets and clock the test holds. */
function rig() {
  const sockets: (Socket & { said: unknown[]; closed: boolean })[] = [];
  const timers: { ms: number; then: () => void; off: boolean }[] = [];
  const link = new Link({
    open() {
      const socket = {
        said: [] as unknown[],
        closed: false,
        readyState: 0 as WebSocket["readyState"],
        onopen: null,
        onmessage: null,
        onclose: null,
        send: (text: string) => socket.said.push(JSON.parse(text)),
        close: () => {
          socket.closed = true;
        },
      };
      sockets.push(socket as never);
      return socket as unknown as Socket;
    },
    later(ms, then) {
      const timer = { ms, then, off: false };
      timers.push(timer);
      return () => {
        timer.off = true;
      };
    },
    random: () => 1,
  });
  const last = () => sockets[sockets.length - 1] as (typeof sockets)[number];
  return {
    link,
    sockets,
    timers,
    said: () => last().said,
    open: () => last().onopen?.call(last() as never, {} as never),
    hear: (m: unknown) => last().onmessage?.call(last() as never, { data: JSON.stringify(m) } as never),
    cut: (code = 1006) => last().onclose?.call(last() as never, { code } as never),
  };
}

function heard() {
  const log: string[] = [];
  return {
    log,
    snapshot: (run: Run) => log.push(`snapshot ${run.seq}`),
    events: (list: Event[]) => log.push(`events ${list.map((e) => e.seq).join(",")}`),
    report: () => log.push("report"),
    end: () => log.push("end"),
    problem: (p: { detail?: string }) => log.push(`problem ${p.detail ?? ""}`),
  };
}

const event = (seq: number) => ({ type: "event", runId: "run_1", seq, data: { kind: "attempt_started", v: 1 } });

test("a run: its snapshot, then events once and in order, told together", () => {
  const r = rig();
  const ear = heard();
  r.link.follow("run_1", ear);
  expect(r.link.state).toBe("connecting");
  r.open();
  expect(r.said()).toEqual([{ action: "SUBSCRIBE", runId: "run_1" }]);
  r.hear({ type: "snapshot", runId: "run_1", seq: 4, data: { seq: 4 } });
  r.hear([event(5), event(5), event(6), { type: "report", runId: "run_1", data: {} }, { type: "end", runId: "run_1" }]);
  r.hear({ type: "event", runId: "run_other", seq: 1 });
  expect(ear.log).toEqual(["snapshot 4", "events 5,6", "report", "end"]);
});

test("after a break it comes back, says what it has, and waits longer each time", () => {
  const r = rig();
  const ear = heard();
  r.link.follow("run_1", ear);
  r.open();
  r.hear({ type: "snapshot", runId: "run_1", seq: 4, data: { seq: 4 } });
  r.hear(event(5));
  r.cut();
  expect(r.link.state).toBe("waiting");
  r.timers[0]?.then();
  r.cut();
  r.timers[1]?.then();
  expect(r.timers.map((t) => t.ms)).toEqual([500, 1000]);
  r.open();
  expect(r.link.state).toBe("live");
  expect(r.said()).toEqual([{ action: "SUBSCRIBE", runId: "run_1", after: 5 }]);
  r.hear({ type: "snapshot", runId: "run_1", seq: 7, data: { seq: 7 } });
  r.hear([event(6), event(7), event(8)]);
  expect(ear.log.slice(2)).toEqual(["snapshot 7", "events 6,7,8"]);
  r.cut();
  expect(r.timers[2]?.ms).toBe(500);
});

test("one that is too slow is cut and comes back; one that is signed out does not", () => {
  const r = rig();
  r.link.follow("run_1", heard());
  r.open();
  r.hear({ type: "resync" });
  expect(r.sockets[0]?.closed).toBe(true);
  r.cut(4008);
  r.timers[0]?.then();
  r.open();
  r.cut(4401);
  expect(r.link.state).toBe("out");
  expect(r.timers.length).toBe(1);
  r.link.now();
  expect(r.link.state).toBe("connecting");
});

test("whoever follows all runs hears that some may be missed", () => {
  const r = rig();
  const log: (string | undefined)[] = [];
  const stop = r.link.followRuns((run) => log.push(run?.id));
  r.open();
  r.hear({ type: "run", runId: "run_2", data: { id: "run_2" } });
  expect(log).toEqual([undefined, "run_2"]);
  stop();
  expect(r.link.state).toBe("idle");
  expect(r.sockets[0]?.closed).toBe(true);
});

test("a problem ends one subscription", () => {
  const r = rig();
  const ear = heard();
  const stop = r.link.follow("run_1", ear);
  r.open();
  r.hear({ type: "error", runId: "run_1", data: { detail: "no run" } });
  expect(ear.log).toEqual(["problem no run"]);
  stop();
  expect(r.said().at(-1)).toEqual({ action: "UNSUBSCRIBE", runId: "run_1" });
});
