import { useEffect, useRef, type ReactNode } from "react";
import { t } from "../strings.js";

interface PageProps {
  title: string;
  /** What stands in its place at the head, when that is more than the title. */
  head?: ReactNode;
  actions?: ReactNode;
  /** It takes all of the screen, where that is wide, and what is in it scrolls by itself. */
  fill?: boolean;
  children: ReactNode;
}

/** Page is what every page is in: its head, its title in the browser, and the focus when it is opened. */
export function Page({ title, head, actions, fill = false, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = t.title(title);
  }, [title]);
  useEffect(() => {
    // Not where the focus is in something that was opened over the page.
    if (document.activeElement === document.body || document.activeElement?.closest("nav")) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className={`mx-auto grid w-full grid-cols-1 px-4 ${fill ? "gap-4 py-4 md:h-dvh md:grid-rows-[auto_minmax(0,1fr)] md:px-6" : "max-w-[76rem] gap-6 py-6 md:px-8"}`}>
      <header className="flex min-h-8 flex-wrap items-center gap-3">
        <div className="grid min-w-0 grow gap-1">
          <h1 ref={heading} tabIndex={-1} className="line-clamp-3 min-w-0 text-title break-words md:line-clamp-1" title={title}>
            {title}
          </h1>
          {head}
        </div>
        {actions !== undefined && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Section is a part of a page with a heading of its own. */
export function Section({ title, aside, children, className = "" }: { title: string; aside?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section aria-label={title} className={`grid min-w-0 grid-cols-1 content-start gap-3 ${className}`}>
      <div className="flex min-h-6 items-center justify-between gap-3">
        <h2 className="text-body text-muted">{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
