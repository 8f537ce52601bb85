import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { FileUp, LogOut, Monitor, Moon, Pause, Play, Search, Sun, Workflow, type LucideIcon } from "lucide-react";
import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import { ago } from "../core/format.js";
import { api, ask, me, pipelines, queries, queue, runs } from "../data/host.js";
import { useNow } from "../data/live.js";
import { useSettled } from "../data/settled.js";
import { Dialog } from "../kit/dialog.js";
import { StateIcon } from "../kit/state.js";
import { toast, toastProblem } from "../kit/toast.js";
import { nav } from "../nav.js";
import { t } from "../strings.js";
import { setTheme } from "../kit/theme.js";
import { signOut } from "./account.js";

interface Entry {
  id: string;
  group: string;
  title: string;
  note?: string;
  /** What it is found by beside what is seen of it. */
  also?: string;
  icon: ReactNode;
  run: () => void;
}

/** Palette leads everywhere by name: pages, pipelines, runs, what the shell can do. */
export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title={t.palette.label} bare className="mt-[12vh] w-[min(36rem,calc(100vw-2rem))]">
      <Found onClose={onClose} />
    </Dialog>
  );
}

function Found({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const entries = useEntries(useSettled(text.trim())).filter((e) => text.toLowerCase().split(/\s+/).every((word) => `${e.title} ${e.note ?? ""} ${e.also ?? ""} ${e.id}`.toLowerCase().includes(word)));
  const here = entries[Math.min(at, entries.length - 1)];
  const choose = (e: Entry | undefined): void => {
    if (e === undefined) return;
    onClose();
    e.run();
  };
  const keys = (e: KeyboardEvent): void => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Enter: at }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    if (e.key === "Enter") choose(here);
    else setAt((to + entries.length) % Math.max(1, entries.length));
  };
  return (
    <div>
      <div className="flex items-center gap-3 border-b border-line px-4">
        <Search size={16} className="shrink-0 text-muted" aria-hidden />
        <input
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls={list}
          aria-label={t.palette.hint}
          aria-activedescendant={here === undefined ? undefined : `${list}-${here.id}`}
          placeholder={t.palette.hint}
          value={text}
          onChange={(e) => (setText(e.target.value), setAt(0))}
          onKeyDown={keys}
          className="h-12 w-full bg-transparent text-lead outline-none placeholder:text-faint"
        />
      </div>
      <div id={list} role="listbox" aria-label={t.palette.label} className="max-h-[50vh] overflow-auto p-2">
        {entries.length === 0 && <p className="px-2 py-6 text-center text-muted">{t.palette.empty}</p>}
        {entries.map((e, i) => (
          <div key={e.id} role="presentation">
            {entries[i - 1]?.group !== e.group && <p className="px-2 pt-2 pb-1 text-small font-medium text-faint">{e.group}</p>}
            <div
              id={`${list}-${e.id}`}
              role="option"
              aria-selected={e === here}
              ref={(el) => {
                if (e === here) el?.scrollIntoView({ block: "nearest" });
              }}
              onPointerMove={() => setAt(i)}
              onClick={() => choose(e)}
              className={`flex h-9 cursor-pointer items-center gap-3 rounded-md px-2 pointer-coarse:h-11 ${e === here ? "bg-tint" : ""}`}
            >
              {e.icon}
              <span className="min-w-0 shrink-0 grow truncate max-sm:shrink">{e.title}</span>
              {e.note !== undefined && <span className="max-w-[60%] min-w-0 truncate text-small text-muted">{e.note}</span>}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

/** useEntries gives all that may be gone to; of runs the newest, and those that the host finds by the text. */
function useEntries(text: string): Entry[] {
  const go = useNavigate();
  const newest = useQuery(runs()).data?.runs ?? [];
  const found = useQuery({ queryKey: ["runs", "named", text], enabled: text.length > 1, placeholderData: keepPreviousData, queryFn: () => ask(api.GET("/api/v1/runs", { params: { query: { limit: 20, q: text } } })) }).data?.runs ?? [];
  const known = useQuery(pipelines).data?.pipelines ?? [];
  const held = useQuery(queue).data;
  const who = useQuery(me).data;
  const now = useNow(false);
  const hold = (pause: boolean): void =>
    void ask(pause ? api.POST("/api/v1/queue/pause") : api.POST("/api/v1/queue/resume")).then(() => {
      toast(pause ? t.queue.isPaused : t.queue.isResumed, () => hold(!pause));
      return queries.invalidateQueries({ queryKey: ["queue"] });
    }, toastProblem);
  const page = (to: string, title: string, Icon: LucideIcon): Entry => ({ id: to, group: t.palette.pages, title, icon: <Icon size={16} className="shrink-0 text-muted" aria-hidden />, run: () => void go({ to }) });
  const action = (id: string, title: string, Icon: LucideIcon, run: () => void): Entry => ({ id, group: t.palette.actions, title, icon: <Icon size={16} className="shrink-0 text-muted" aria-hidden />, run });
  return [
    ...nav.map(({ to, title, icon }) => page(to, title, icon)),
    page("/open", t.open.title, FileUp),
    ...known.map((p) => ({
      id: `launch-${p.file}`,
      group: t.palette.pipelines,
      title: p.name,
      ...(p.description ? { note: p.description } : {}),
      icon: <Workflow size={16} className="shrink-0 text-muted" aria-hidden />,
      run: () => void go({ to: "/pipelines/$name", params: { name: p.name } }),
    })),
    ...[...new Map([...newest, ...found].map((r) => [r.id, r])).values()].map((r) => ({
      id: r.id,
      group: t.palette.runs,
      title: r.pipeline,
      note: ago(r.created, now),
      also: `${r.owner ?? ""} ${r.error ?? ""}`,
      icon: <StateIcon state={r.interrupted ? "interrupted" : r.state} />,
      run: () => void go({ to: "/runs/$id", params: { id: r.id } }),
    })),
    ...(held === undefined ? [] : [held.paused ? action("queue", t.queue.resume, Play, () => hold(false)) : action("queue", t.queue.pause, Pause, () => hold(true))]),
    ...([["light", t.theme.light, Sun], ["dark", t.theme.dark, Moon], ["auto", t.theme.system, Monitor]] as const).map(([theme, title, Icon]) => action(`theme-${theme}`, `${t.theme.label}: ${title}`, Icon, () => setTheme(theme))),
    ...(who?.sign_in ? [action("sign-out", t.account.signOut, LogOut, signOut)] : []),
  ];
}
