import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Images } from "lucide-react";
import { useCallback, useState } from "react";
import { sentence } from "../../core/format.js";
import { lookOf, type Look } from "../../core/gallery.js";
import { useSettled } from "../../data/settled.js";
import { Choice } from "../../kit/choice.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Grid } from "./grid.js";
import { asFile, searching, useFiles } from "./queries.js";
import { Viewer } from "./viewer.js";

const kinds = ["", "image/", "video/", "audio/", "text/", "application/x-subrip"] as const;

const ways = [
  { value: "name", title: t.gallery.by.name },
  { value: "meaning", title: t.gallery.by.meaning },
] as const;

/** Gallery is all that runs have made or taken, to look through. What is looked for and which file is open is in its address. */
export function Gallery() {
  const look = useSearch({ from: "/gallery" });
  const kind = kinds.find((k) => k === look.kind) ?? "";
  const go = useNavigate({ from: "/gallery" });
  const [typed, setTyped] = useState(look.q ?? "");
  const q = useSettled(typed.trim());
  const search = useQuery(searching).data;
  const meaning = look.by === "meaning" && search?.on !== false; // who was sent an address finds names where there is nothing else
  const [seen, setSeen] = useState<readonly [number, number]>([0, 0]);
  const [place, setPlace] = useState<number>(); // of the file that is open, where it was opened in the list
  const list = useFiles({ kind, q, meaning }, look.by !== "meaning" || search !== undefined, seen, look.file === undefined ? undefined : place);
  const at = look.file === undefined ? undefined : place !== undefined && list.at(place)?.digest === look.file ? place : list.find(look.file);
  const known = at === undefined ? undefined : list.at(at);
  const onSeen = useCallback((from: number, to: number) => setSeen((was) => (was[0] === from && was[1] === to ? was : [from, to])), []);
  const set = (next: Look, replace = true): void => void go({ search: (was) => lookOf({ ...was, ...next }), replace, resetScroll: false });
  const by = (way: "name" | "meaning"): void => void go({ search: (was) => lookOf({ ...was, by: way }), replace: true, resetScroll: false });
  const open = (digest: string, place?: number, replace = false): void => (setPlace(place), set({ file: digest }, replace));
  const close = (): void => set({ file: "" }, false);
  const move = (to: number): void => {
    const next = list.at(to);
    if (next !== undefined) open(next.digest, to, true);
  };
  return (
    <Page title={t.gallery.title}>
      <div className="flex flex-wrap items-center gap-3">
        <Search label={meaning ? t.gallery.search.meaning : t.gallery.search.name} value={typed} onChange={(text) => (setTyped(text), set({ q: text.trim() }))} className={meaning ? "md:w-96" : "md:w-64"} />
        {search?.on && <Choice label={t.gallery.by.label} value={meaning ? "meaning" : "name"} options={ways} onChange={by} />}
        {search?.on && <span aria-hidden className="hidden h-5 w-px bg-line md:block" />}
        <Choice label={t.gallery.kinds.label} value={kind} options={kinds.map((value) => ({ value, title: t.gallery.kinds[value] }))} onChange={(k) => set({ kind: k })} />
      </div>
      {meaning && search?.on && search.described + search.failed < search.files && (
        <p role="status" className="text-small text-muted">
          {t.gallery.described(search.described, search.files)} {search.problem !== undefined && sentence(search.problem)}
        </p>
      )}
      {list.problem !== null && <Problem error={list.problem} onRetry={list.refetch} {...(meaning ? { instead: { title: t.gallery.byName, onClick: () => by("name") } } : {})} />}
      {list.isPending && <Skeleton className="h-64" />}
      {!list.isPending && list.problem === null && list.total === 0 && (
        <div className="card">
          <Empty icon={Images} title={kind || q ? t.gallery.nothing : t.gallery.empty}>
            <p>{kind || q ? t.gallery.nothingText : t.gallery.emptyText}</p>
          </Empty>
        </div>
      )}
      {list.total > 0 && <Grid total={list.total} at={list.at} onOpen={open} onSeen={onSeen} />}
      <Viewer
        digest={look.file}
        known={known}
        artifact={known && asFile(known)}
        onOpen={(digest) => open(digest)}
        onClose={close}
        onPrevious={at !== undefined && at > 0 ? () => move(at - 1) : undefined}
        onNext={at !== undefined && at < list.total - 1 ? () => move(at + 1) : undefined}
      />
    </Page>
  );
}
