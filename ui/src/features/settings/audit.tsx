import { useInfiniteQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { date } from "../../core/format.js";
import { api, ask } from "../../data/host.js";
import { Button } from "../../kit/button.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";

/** Audit is what was changed, by whom, and what was refused; the newest first. */
export function Audit() {
  const [typed, setTyped] = useState("");
  const user = useDeferredValue(typed.trim());
  const list = useInfiniteQuery({
    queryKey: ["audit", user],
    initialPageParam: "",
    queryFn: ({ pageParam: before }) => ask(api.GET("/api/v1/audit", { params: { query: { limit: 50, ...(user ? { user } : {}), ...(before ? { before } : {}) } } })),
    getNextPageParam: (page) => page.next || undefined,
  });
  const deeds = list.data?.pages.flatMap((page) => page.deeds) ?? [];
  return (
    <Section title={t.audit.title}>
      <Search label={t.audit.user} value={typed} onChange={setTyped} className="md:w-64" />
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.isSuccess && deeds.length === 0 && (
        <div className="card">
          <Empty icon={ScrollText} title={user === "" ? t.audit.empty : t.audit.nothing(user)} />
        </div>
      )}
      {deeds.length > 0 && (
        <ul className="card divide-y divide-line">
          {deeds.map((d) => (
            <li key={d.request} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 px-4 py-2 md:grid-cols-[10rem_10rem_minmax(0,1fr)_7rem] md:items-center">
              <time dateTime={d.at} className="text-muted max-md:order-3">
                {date(d.at)}
              </time>
              <span className="truncate font-medium" title={[d.user, d.address, d.host].filter(Boolean).join(" · ")}>
                {d.user || t.audit.nobody}
              </span>
              <span className="min-w-0 max-md:order-2 max-md:col-span-2">
                {d.what.replaceAll("-", " ")} {d.on && <span className="font-mono text-small break-all text-muted">{d.on}</span>}
              </span>
              <span className={`text-right text-small ${d.status >= 400 ? "text-bad" : "text-muted"}`}>{t.audit.status(d.status)}</span>
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="justify-self-center" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t.audit.more}
        </Button>
      )}
    </Section>
  );
}
