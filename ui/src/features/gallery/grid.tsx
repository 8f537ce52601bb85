import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Schemas } from "../../api/client.js";
import { ago, date, size } from "../../core/format.js";
import { useNow } from "../../data/live.js";
import { Thumbnail } from "../../kit/media.js";
import { t } from "../../strings.js";
import { asFile } from "./queries.js";

type File = Schemas["RunArtifact"];

const least = 200; // pixels that a card is wide at least
const gap = 16;
const caption = 56;

/** Grid draws of any number of files those that are seen. Arrows go from one to the next. onEnd says that the last are near. */
export function Grid({ files, onOpen, onEnd }: { files: File[]; onOpen: (file: File) => void; onEnd: () => void }) {
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
  const rows = useWindowVirtualizer({ count: Math.ceil(files.length / columns), estimateSize: () => height + gap, overscan: 3, scrollMargin: top });
  useEffect(() => rows.measure(), [rows, height]);
  const seen = rows.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (width > 0 && (last + 4) * columns >= files.length) onEnd();
  });
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
          files.slice(row.index * columns, (row.index + 1) * columns).map((file, column) => {
            const i = row.index * columns + column;
            return (
              <li key={i} aria-setsize={files.length} aria-posinset={i + 1} className="absolute top-0 left-0" style={{ width: card, height, transform: `translate(${column * (card + gap)}px, ${row.start - top}px)` }}>
                <button type="button" data-at={i} onClick={() => onOpen(file)} onKeyDown={(e) => move(e, i)} className="card grid size-full grid-rows-[1fr_auto] overflow-hidden text-left hover:border-edge">
                  <Thumbnail artifact={asFile(file)} />
                  <span className="grid content-center px-3" style={{ height: caption }}>
                    <span className="truncate font-medium" title={file.name}>
                      {file.name}
                    </span>
                    <span className="flex justify-between gap-2 text-small text-muted">
                      <span className="truncate" title={file.pipeline}>
                        {file.pipeline}
                      </span>
                      {file.created === undefined ? <span className="shrink-0">{size(file.size)}</span> : <time dateTime={file.created} title={date(file.created)} className="shrink-0">{ago(file.created, now)}</time>}
                    </span>
                  </span>
                </button>
              </li>
            );
          }),
        )}
    </ul>
  );
}
