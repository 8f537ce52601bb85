import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { me } from "../data/host.js";
import { useLiveLists } from "../data/live.js";
import { useNotices } from "../data/notices.js";
import { IconButton } from "../kit/button.js";
import { Page } from "../kit/page.js";
import { Problem } from "../kit/problem.js";
import { Toasts } from "../kit/toast.js";
import { nav } from "../nav.js";
import { t } from "../strings.js";
import { Account } from "./account.js";
import { Connection } from "./connection.js";
import { Logo } from "./logo.js";
import { Palette } from "./palette.js";
import { SignIn } from "./sign-in.js";

/** Shell is what is around every page, and the sign-in in its place where one is needed. */
export function Shell() {
  const who = useQuery(me);
  if (who.data === null) return <SignIn />;
  if (who.data === undefined) return who.error === null ? null : <Page title={t.problem.away}><Problem error={who.error} onRetry={() => void who.refetch()} /></Page>;
  return <Inside />;
}

const item = "flex items-center rounded-md font-medium text-muted hover:bg-raised hover:text-ink data-[status=active]:bg-raised data-[status=active]:text-ink";

function Inside() {
  useLiveLists();
  const go = useNavigate();
  useNotices((id, node) => void go({ to: "/runs/$id", params: { id }, search: node === undefined ? {} : { node } }));
  const [palette, setPalette] = useState(false);
  useEffect(() => {
    const keys = (e: KeyboardEvent): void => {
      if (e.key.toLowerCase() !== "k" || !(e.metaKey || e.ctrlKey)) return;
      e.preventDefault();
      setPalette((open) => !open);
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return (
    <div className="grid min-h-dvh grid-rows-[auto_1fr_auto] md:grid-cols-[13.5rem_1fr] md:grid-rows-1">
      <a href="#page" className="sr-only z-50 rounded-md bg-fill px-3 py-2 text-on-fill focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        {t.skip}
      </a>
      <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-bg px-4 md:h-dvh md:flex-col md:items-stretch md:gap-4 md:border-r md:border-b-0 md:p-3">
        <Link to="/" className="flex items-center gap-2 rounded-md font-semibold md:h-8 md:px-2">
          <Logo size={20} />
          {t.product}
        </Link>
        <button
          type="button"
          onClick={() => setPalette(true)}
          className="hidden h-8 items-center gap-2 rounded-md border border-line bg-surface px-2 text-muted hover:border-edge md:flex"
        >
          <Search size={14} aria-hidden />
          <span className="grow text-left">{t.palette.open}</span>
          <kbd className="font-sans text-small text-faint">{/Mac|iP/.test(navigator.platform) ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <nav aria-label={t.nav.label} className="hidden grow content-start gap-1 md:grid">
          {nav.map(({ to, title, icon: Icon }) => (
            <Link key={to} to={to} activeOptions={{ exact: to === "/" }} className={`${item} h-8 gap-3 px-2`}>
              <Icon size={16} aria-hidden />
              {title}
            </Link>
          ))}
        </nav>
        <div className="ml-auto flex items-center gap-1 md:ml-0">
          <Connection />
          <IconButton label={t.palette.open} className="md:hidden" onClick={() => setPalette(true)}>
            <Search size={16} />
          </IconButton>
          <Account />
        </div>
      </header>
      <main id="page" tabIndex={-1} className="min-w-0">
        <Outlet />
      </main>
      <nav aria-label={t.nav.label} className="sticky bottom-0 z-30 flex justify-around overflow-x-auto border-t border-line bg-bg px-2 pb-[env(safe-area-inset-bottom)] md:hidden">
        {nav.filter((page) => !page.wide).map(({ to, title, icon: Icon }) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/" }} className="grid h-14 min-w-14 content-center justify-items-center gap-1 text-small font-medium text-muted data-[status=active]:text-accent">
            <Icon size={20} aria-hidden />
            {title}
          </Link>
        ))}
      </nav>
      <Palette open={palette} onClose={() => setPalette(false)} />
      <Toasts />
    </div>
  );
}
