import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Schemas } from "../../api/client.js";
import { ago, date, size } from "../../core/format.js";
import { useBeginning } from "../../data/files.js";
import { useNow } from "../../data/live.js";
import { Skeleton } from "../../kit/empty.js";
import { Thumbnail } from "../../kit/media.js";
import { t } from "../../strings.js";
import { asFile } from "./queries.js";

type File = Schemas["RunArtifact"];

const least = matchMedia("(max-width: 30rem)").matches ? 150 : 200; // pixels that a card is wide at least
const gap = 16;
const caption = 56;

interface GridProps {
  total: number;
  /** Gives the file at a place; undefined: it is not there yet. */
  at: (place: number) => File | undefined;
  onOpen: (digest: string, place: number) => void;
  /** Says from which place to which one files are seen. */
  onSeen: (from: number, to: number) => void;
}

/** Grid draws of any number of files those that are seen. Arrows go from one to the next. */
export function Grid({ total, at, onOpen, onSeen }: GridProps) {
  const box = useRef<HTMLUListElement>(null);
  const [{ width, top }, setPlace] = useState({ width: 0, top: 0 });
  const now = useNow(true, 30_000);
  useLayoutEffect(() => {
    const el = box.current;
    if (el === null) return;
    const measure = (): void => setPlace({ width: el.clientWidth, top: el.offsetTop });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    return () => watch.disconnect();
  }, []);
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const card = (width - gap * (columns - 1)) / columns;
  const height = Math.round((card * 9) / 16) + caption;
  const rows = useWindowVirtualizer({ count: Math.ceil(total / columns), estimateSize: () => height + gap, overscan: 3, scrollMargin: top });
  useEffect(() => rows.measure(), [rows, height]);
  const seen = rows.getVirtualItems();
  const from = (seen[0]?.index ?? 0) * columns;
  const to = Math.min(total, ((seen.at(-1)?.index ?? 0) + 1) * columns) - 1;
  useEffect(() => {
    if (width > 0) onSeen(from, to);
  }, [width, from, to, onSeen]);
  const move = (e: KeyboardEvent, i: number): void => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, ArrowDown: i + columns, ArrowUp: i - columns }[e.key];
    const next = to === undefined ? null : box.current?.querySelector<HTMLElement>(`[data-at="${to}"]`);
    if (next == null) return;
    e.preventDefault();
    next.focus();
  };
  return (
    <ul ref={box} aria-label={t.gallery.title} className="relative" style={{ height: rows.getTotalSize() }}>
      {width > 0 &&
        seen.flatMap((row) =>
          Array.from({ length: Math.min(columns, total - row.index * columns) }, (_, column) => {
            const i = row.index * columns + column;
            const file = at(i);
            return (
              <li key={i} aria-setsize={total} aria-posinset={i + 1} className="absolute top-0 left-0" style={{ width: card, height, transform: `translate(${column * (card + gap)}px, ${row.start - top}px)` }}>
                {file === undefined ? <Skeleton className="size-full" /> : <Card key={file.digest} file={file} place={i} now={now} onOpen={onOpen} onKey={move} />}
              </li>
            );
          }),
        )}
    </ul>
  );
}

function Card({ file, place, now, onOpen, onKey }: { file: File; place: number; now: number; onOpen: GridProps["onOpen"]; onKey: (e: KeyboardEvent, place: number) => void }) {
  const artifact = asFile(file);
  const words = useBeginning(artifact);
  return (
    <button type="button" data-at={place} onClick={() => onOpen(file.digest, place)} onKeyDown={(e) => onKey(e, place)} className="card grid size-full grid-rows-[1fr_auto] overflow-hidden text-left hover:border-edge">
      <Thumbnail artifact={artifact} words={words} />
      <span className="grid content-center px-3" style={{ height: caption }}>
        <span className="truncate font-medium" title={file.name}>
          {file.name}
        </span>
        <span className="flex justify-between gap-2 text-small text-muted">
          <span className="truncate" title={file.pipeline}>
            {file.pipeline}
          </span>
          {file.score !== undefined ? (
            <span className="shrink-0" title={t.gallery.like(file.score)}>{`${Math.round(100 * Math.max(0, file.score))} %`}</span>
          ) : file.created === undefined ? (
            <span className="shrink-0">{size(file.size)}</span>
          ) : (
            <time dateTime={file.created} title={date(file.created)} className="shrink-0">
              {ago(file.created, now)}
            </time>
          )}
        </span>
      </span>
    </button>
  );
}
