import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { t } from "../strings.js";
import { IconButton } from "./button.js";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** Buttons at its foot, the one that does it last. */
  actions?: ReactNode;
  /** bare: the content has its own head. */
  bare?: boolean;
  className?: string;
}

/** Dialog is the browser's own: it keeps the focus, gives it back, and closes with Escape. What has data-first has the focus first. */
export function Dialog({ open, onClose, title, children, actions, bare = false, className = "w-[min(28rem,calc(100vw-2rem))]" }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (open && !ref.current?.open) {
      ref.current?.showModal();
      ref.current?.querySelector<HTMLElement>("[data-first]")?.focus();
    }
    if (!open) ref.current?.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(e) => e.target === e.currentTarget && onClose()}
      className={`rounded-lg bg-surface p-0 shadow-float ${className}`}
    >
      {open && (
        <div>
          <header className={bare ? "sr-only" : "flex items-center justify-between pt-3 pr-3 pl-4"}>
            <h2 id={id} className="text-lead">
              {title}
            </h2>
            {!bare && (
              <IconButton label={t.close} onClick={onClose}>
                <X size={16} />
              </IconButton>
            )}
          </header>
          {bare ? children : <div className="px-4 pt-1 pb-4">{children}</div>}
          {actions !== undefined && <footer className="flex justify-end gap-2 border-t border-line px-4 py-3">{actions}</footer>}
        </div>
      )}
    </dialog>
  );
}
