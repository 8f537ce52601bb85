// Notifications of the browser: whether somebody wants them here, and the showing of them from the live socket.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { Notices, shown, wishOf, type Notice, type Wish } from "../core/notices.js";
import { t } from "../strings.js";
import { gates, link, me } from "./host.js";

const key = "notices";
const watchers = new Set<() => void>();

function read(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is switched off: nothing is wished for
  }
}

/** May the browser show any: default: nobody was asked; none: it cannot, as over plain HTTP from another machine. */
export const permission = (): NotificationPermission | "none" => ("Notification" in window && isSecureContext ? Notification.permission : "none");

/** setWish keeps what this browser shows. */
export function setWish(wish: Wish): void {
  try {
    localStorage.setItem(key, JSON.stringify(wish));
  } catch {
    // nothing is kept, and nothing shown
  }
  for (const told of watchers) told();
}

/** useWish gives what this browser shows, in all its tabs. */
export function useWish(): Wish {
  const kept = useSyncExternalStore(
    (told) => {
      watchers.add(told);
      addEventListener("storage", told);
      return () => {
        watchers.delete(told);
        removeEventListener("storage", told);
      };
    },
    read,
  );
  return wishOf(kept);
}

/** show has the browser show a notice, once for all its tabs; a click leads there. */
function show(n: Notice, go: (run: string, node?: string) => void): void {
  if (permission() !== "granted" || (document.visibilityState === "visible" && document.hasFocus() && shown(n, location.pathname))) return;
  const said = n.kind === "end" ? t.notices.ended(n.pipeline, t.state[n.state] ?? n.state) : t.notices.asks(n.pipeline);
  let made: Notification;
  try {
    made = new Notification(said, { tag: `${n.run} ${n.kind === "gate" ? n.at : ""}`, icon: "/icon.svg", ...(n.kind === "gate" ? { body: n.message || n.at } : {}) });
  } catch {
    return; // some phones let none but service workers show any
  }
  made.onclick = () => {
    window.focus();
    go(n.run, n.kind === "gate" ? n.at : undefined);
    made.close();
  };
}

/** useNotices shows what somebody wished to be told of: the shell calls it once. Where people sign in, ends are of one's own runs. */
export function useNotices(go: (run: string, node?: string) => void): void {
  const wish = useWish();
  const who = useQuery(me).data;
  const open = useQuery({ ...gates, enabled: wish.gates }).data?.gates;
  const known = useRef(new Notices());
  const lead = useRef(go);
  useEffect(() => {
    lead.current = go;
  });
  const mine = who?.sign_in ? who.user : undefined;
  useEffect(() => {
    if (!wish.ends) return;
    return link.followRuns((run) => {
      const notice = run === undefined ? undefined : known.current.end(run);
      if (notice !== undefined && (mine === undefined || run?.owner === mine)) show(notice, lead.current);
    });
  }, [wish.ends, mine]);
  useEffect(() => {
    if (open === undefined) return;
    for (const notice of known.current.gates(open)) show(notice, lead.current);
  }, [open]);
}
