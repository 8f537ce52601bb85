import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Puzzle } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "../../api/client.js";
import { words } from "../../core/gallery.js";
import { api, ask } from "../../data/host.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Plugins } from "./plugins.js";
import { Type } from "./type.js";

/** NodeTypes says what nodes can do, and which plugins bring it. Which type is read is in the address. */
export function NodeTypes() {
  const { type: chosen, q = "" } = useSearch({ from: "/node-types" });
  const go = useNavigate({ from: "/node-types" });
  const [typed, setTyped] = useState(q);
  const found = useQuery({ queryKey: ["node-types"], queryFn: () => ask(api.GET("/api/v1/node-types")) });
  const plugins = useQuery({ queryKey: ["plugins"], queryFn: () => ask(api.GET("/api/v1/plugins")) });
  const all = found.data?.node_types ?? [];
  const like = all.filter((x) => typed.toLowerCase().split(/\s+/).every((w) => `${x.name} ${x.description}`.toLowerCase().includes(w)));
  const one = all.find((x) => x.name === chosen);
  return (
    <Page title={t.nodeTypes.title}>
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {plugins.error !== null && <Problem error={plugins.error} onRetry={() => void plugins.refetch()} />}
      {found.isPending && <Skeleton className="h-64" />}
      {found.isSuccess && (
        <div className="grid grid-cols-1 gap-6 md:grid-cols-[18rem_minmax(0,1fr)]">
          <div className={`grid grid-cols-1 content-start gap-3 ${chosen === undefined ? "" : "max-md:hidden"}`}>
            <Search label={t.nodeTypes.search} value={typed} onChange={(text) => (setTyped(text), void go({ search: ({ type }) => ({ ...words({ q: text.trim() }), ...(type ? { type } : {}) }), replace: true, resetScroll: false }))} />
            {like.length === 0 ? (
              <p className="text-muted">{t.nodeTypes.none}</p>
            ) : (
              <nav aria-label={t.nodeTypes.title}>
                <ul className="card divide-y divide-line overflow-hidden">
                  {like.map((x) => (
                    <li key={x.name}>
                      <Link
                        to="/node-types"
                        search={(was) => ({ ...words({ ...was }), type: x.name })}
                        aria-current={x.name === chosen ? "page" : undefined}
                        className="grid grid-cols-1 px-3 py-2 -outline-offset-2 hover:bg-raised aria-[current=page]:bg-tint"
                      >
                        <span className="truncate font-medium" title={x.name}>
                          {x.name}
                        </span>
                        <span className="line-clamp-1 text-small break-words text-muted">{x.description}</span>
                      </Link>
                    </li>
                  ))}
                </ul>
              </nav>
            )}
          </div>
          <div className="grid min-w-0 grid-cols-1 content-start gap-6">
            {one !== undefined && <Type type={one} grants={grantsOf(found.data, one.name)} plugin={plugins.data?.plugins.find((p) => p.node_types?.includes(one.name))} onBack={() => void go({ search: (was) => words({ ...was }) })} />}
            {one === undefined && chosen !== undefined && (
              <div className="card">
                <Empty icon={Puzzle} title={t.nodeTypes.gone(chosen)}>
                  <p>{t.nodeTypes.goneText}</p>
                </Empty>
              </div>
            )}
            {chosen === undefined && plugins.isSuccess && <Plugins plugins={plugins.data.plugins} />}
          </div>
        </div>
      )}
    </Page>
  );
}

const grantsOf = (list: Schemas["NodeTypeList"], name: string): Schemas["Grant"][] => list.grants?.[name] ?? [];
