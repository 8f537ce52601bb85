import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type KeyboardEvent, type ReactNode } from "react";

interface RowsProps<T> {
  items: readonly T[];
  /** id of an item, the same for as long as it is there. */
  id: (item: T) => string;
  label: string;
  height: number;
  row: (item: T, chosen: boolean) => ReactNode;
  chosen?: string | undefined;
  onChoose: (item: T) => void;
  className?: string;
  /** How wide the rows are, when that is more than what is seen of them, and what stays over them. */
  width?: string;
  head?: ReactNode;
}

/** Rows is a list of any length, of which only what is seen is drawn. Arrows, Home and End choose; Enter does as a click. */
export function Rows<T>({ items, id, label, height, row, chosen, onChoose, className = "", width, head }: RowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({ count: items.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 8, getItemKey: (i) => id(items[i] as T) });
  const at = items.findIndex((item) => id(item) === chosen);
  const move = (e: KeyboardEvent): void => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[e.key];
    const item = to === undefined ? undefined : items[Math.max(0, Math.min(items.length - 1, to))];
    if (to === undefined || item === undefined) return;
    e.preventDefault();
    onChoose(item);
    list.scrollToIndex(Math.max(0, to));
  };
  return (
    <div ref={box} role="listbox" aria-label={label} tabIndex={0} onKeyDown={move} aria-activedescendant={at < 0 ? undefined : `row-${chosen}`} className={`overflow-auto ${className}`}>
      {head !== undefined && (
        <div role="presentation" aria-hidden className="sticky top-0 z-2 min-w-full" style={{ width }}>
          {head}
        </div>
      )}
      <div role="presentation" className="relative min-w-full" style={{ height: list.getTotalSize(), width }}>
        {list.getVirtualItems().map((v) => {
          const item = items[v.index];
          if (item === undefined) return null;
          const is = id(item) === chosen;
          return (
            <div
              key={v.key}
              id={`row-${id(item)}`}
              role="option"
              aria-selected={is}
              aria-setsize={items.length}
              aria-posinset={v.index + 1}
              onClick={() => onChoose(item)}
              style={{ transform: `translateY(${v.start}px)`, height }}
              className={`absolute inset-x-0 top-0 cursor-pointer ${v.index > 0 ? "border-t border-line" : ""} ${is ? "bg-tint" : "hover:bg-raised"}`}
            >
              {row(item, is)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
