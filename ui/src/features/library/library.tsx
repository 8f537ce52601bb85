import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { LibraryBig, Plus } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { kinds, type Asset } from "../../core/assets.js";
import { Button } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Add } from "./add.js";
import { icons, Picture } from "./picture.js";
import { assets } from "./queries.js";
import { Consent, Licence } from "./standing.js";

/** Library is every asset, to look through. Which kind is shown, and what is about to be added, is in its address. */
export function Library() {
  const { kind, add, as } = useSearch({ from: "/library" });
  const go = useNavigate({ from: "/library" });
  const [typed, setTyped] = useState("");
  const q = useDeferredValue(typed.trim());
  const found = useQuery(assets(kind, q));
  const list = (found.data?.assets ?? []).toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
  const open = (what: string | undefined): void => void go({ search: { ...(kind ? { kind } : {}), ...(what === undefined ? {} : { add: what }) }, replace: what === undefined });
  return (
    <Page
      title={t.library.title}
      actions={
        <Button look="fill" onClick={() => open("")}>
          <Plus size={15} aria-hidden />
          {t.library.add}
        </Button>
      }
    >
      <div className="flex flex-wrap items-center gap-3">
        <Search label={t.library.search} value={typed} onChange={setTyped} className="md:w-64" />
        <div role="group" aria-label={t.library.kind} className="flex flex-wrap gap-1">
          {([undefined, ...kinds] as const).map((k) => (
            <button
              key={k ?? ""}
              type="button"
              aria-pressed={k === kind}
              onClick={() => void go({ search: k ? { kind: k } : {}, replace: true })}
              className="h-8 rounded-md px-3 font-medium text-muted hover:bg-raised hover:text-ink aria-pressed:bg-tint aria-pressed:text-accent pointer-coarse:h-11"
            >
              {t.library.kinds[k ?? "all"]}
            </button>
          ))}
        </div>
      </div>
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton className="h-64" />}
      {found.isSuccess && list.length === 0 && (
        <div className="card">
          {kind || q ? (
            <Empty icon={LibraryBig} title={t.library.nothing}>
              <p>{t.library.nothingText}</p>
            </Empty>
          ) : (
            <Empty icon={LibraryBig} title={t.library.empty}>
              <p>{t.library.emptyText}</p>
              <Copy text={t.library.example} />
            </Empty>
          )}
        </div>
      )}
      {list.length > 0 && (
        <ul aria-label={t.library.title} className="grid grid-cols-[repeat(auto-fill,minmax(13rem,1fr))] gap-4">
          {list.map((a) => (
            <Card key={`${a.kind}/${a.name}`} asset={a} />
          ))}
        </ul>
      )}
      <Add open={add !== undefined} digest={add || undefined} named={as} onClose={() => open(undefined)} />
    </Page>
  );
}

function Card({ asset: a }: { asset: Asset }) {
  const v = a.versions[0];
  if (v === undefined) return null;
  const Icon = icons[a.kind];
  return (
    <li className="min-w-0">
      <Link to="/library/$kind/$name" params={{ kind: a.kind, name: a.name }} className="card grid h-full grid-cols-1 content-start overflow-hidden hover:border-edge">
        <Picture kind={a.kind} version={v} />
        <span className="grid grid-cols-1 gap-1 p-3">
          <span className="flex items-center gap-2">
            <Icon size={15} className="shrink-0 text-muted" role="img" aria-label={t.library.kindOf[a.kind]} />
            <span className="min-w-0 grow truncate font-medium" title={a.name}>
              {a.name}
            </span>
            <span className="shrink-0 text-small text-muted">{t.library.version(v.number)}</span>
          </span>
          <span className="flex items-center justify-between gap-3 text-small">
            <Licence licence={v.licence} />
            <Consent kind={a.kind} version={v} />
          </span>
        </span>
      </Link>
    </li>
  );
}
