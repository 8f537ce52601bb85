// What happens, as it happens: hooks on the one WebSocket of the page.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Problem } from "../api/client.js";
import { UnknownEventError, View, hasEnded, type Run } from "../core/fold.js";
import type { LinkState, Report } from "../core/link.js";
import { link, queries } from "./host.js";

/** useLinkState says how the connection is. */
export const useLinkState = (): LinkState =>
  useSyncExternalStore(
    (told) => link.watch(told),
    () => link.state,
  );

/** useLiveLists keeps lists of runs, gates and the queue true while it is mounted: the shell calls it once. */
export function useLiveLists(): void {
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    const stop = link.followRuns(() => {
      due ??= setTimeout(() => {
        due = undefined;
        for (const key of ["runs", "gates", "queue"]) void queries.invalidateQueries({ queryKey: [key] });
      }, 250);
    });
    return () => {
      clearTimeout(due);
      stop();
    };
  }, []);
}

export interface LiveRun {
  /** undefined: nothing was heard yet. */
  run: Run | undefined;
  /** The newest report of each node by its address within the run, and the last ones of all in order. */
  newest: ReadonlyMap<string, Report>;
  reports: readonly Report[];
  problem: Problem | Error | undefined;
}

const nothing: LiveRun = { run: undefined, newest: new Map(), reports: [], problem: undefined };
const kept = 500; // reports
const patience = 300; // ms between two snapshots that are asked for

/** useRun follows a run by its whole id. What happens within one frame is drawn at once. */
export function useRun(id: string): LiveRun {
  const [live, setLive] = useState<{ of: string; now: LiveRun }>({ of: id, now: nothing });
  const frame = useRef(0);
  useEffect(() => {
    let view: View | undefined;
    let now = nothing;
    let asked: ReturnType<typeof setTimeout> | undefined;
    const draw = (change: Partial<LiveRun>): void => {
      now = { ...now, ...change };
      frame.current ||= requestAnimationFrame(() => {
        frame.current = 0;
        setLive({ of: id, now });
      });
    };
    const stop = link.follow(id, {
      snapshot(run) {
        view = new View(run);
        draw({ run, problem: undefined });
      },
      events(events) {
        if (view === undefined) return;
        try {
          view.apply(events);
        } catch (e) {
          if (!(e instanceof UnknownEventError)) throw e;
          draw({ problem: e });
          return;
        }
        draw({ run: view.run });
        if (view.unsure) asked ??= setTimeout(() => ((asked = undefined), link.again(id)), patience);
      },
      report(report) {
        const newest = report.curve === undefined ? new Map(now.newest).set(nodeOf(report.address), report) : now.newest;
        draw({ newest, reports: [...now.reports.slice(-kept + 1), report] });
      },
      end() {
        if (view?.unsure) link.again(id);
      },
      problem: (problem) => draw({ problem }),
    });
    return () => {
      clearTimeout(asked);
      cancelAnimationFrame(frame.current);
      frame.current = 0;
      stop();
    };
  }, [id]);
  return live.of === id ? live.now : nothing;
}

/** nodeOf takes the run and the attempt off an address. */
export function nodeOf(address: string): string {
  const parts = address.split("/").slice(1);
  if (parts.length > 0 && /^\d+(!\d+)*$/.test(parts[parts.length - 1] ?? "")) parts.pop();
  return parts.join("/");
}

/** useNow gives the time, again each second while it counts. */
export function useNow(counts = true, every = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!counts) return;
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [counts, every]);
  return now;
}

/** tookSeconds is how long a run has taken, until now while it goes on. */
export const tookSeconds = (run: Run, now: number): number => Math.max(0, (hasEnded(run.state) ? Date.parse(run.updated) : now) - Date.parse(run.created)) / 1000;
