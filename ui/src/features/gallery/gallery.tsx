import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Images } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Choice } from "../../kit/choice.js";
import { Empty, Skeleton } from "../../kit/empty.js";
import { Search } from "../../kit/field.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Grid } from "./grid.js";
import { asFile, files } from "./queries.js";
import { Viewer } from "./viewer.js";

const kinds = ["", "image/", "video/", "audio/", "text/"] as const;

/** Gallery is all that runs have made or taken, to look through. Which file is open, and of which kind, is in its address. */
export function Gallery() {
  const { kind: asked, file } = useSearch({ from: "/gallery" });
  const kind = kinds.find((k) => k === asked) ?? "";
  const go = useNavigate({ from: "/gallery" });
  const [typed, setTyped] = useState("");
  const q = useDeferredValue(typed.trim());
  const list = useInfiniteQuery(files(kind, q));
  const all = list.data?.pages.flatMap((page) => page.artifacts) ?? [];
  const at = all.findIndex((a) => a.digest === file);
  const open = (digest: string | undefined, replace = false): void => void go({ search: (was) => ({ ...(was.kind ? { kind: was.kind } : {}), ...(digest ? { file: digest } : {}) }), replace });
  const move = (by: number): void => {
    const next = all[at + by];
    if (next !== undefined) open(next.digest, true);
  };
  return (
    <Page title={t.gallery.title}>
      <div className="flex flex-wrap items-center gap-3">
        <Search label={t.gallery.search} value={typed} onChange={setTyped} className="md:w-64" />
        <Choice label={t.gallery.kinds.label} value={kind} options={kinds.map((value) => ({ value, title: t.gallery.kinds[value] }))} onChange={(k) => void go({ search: k ? { kind: k } : {}, replace: true })} />
      </div>
      {list.error !== null && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-64" />}
      {list.isSuccess && all.length === 0 && (
        <div className="card">
          <Empty icon={Images} title={kind || q ? t.gallery.nothing : t.gallery.empty}>
            <p>{kind || q ? t.gallery.nothingText : t.gallery.emptyText}</p>
          </Empty>
        </div>
      )}
      {all.length > 0 && <Grid files={all} onOpen={(a) => open(a.digest)} onEnd={() => list.hasNextPage && !list.isFetchingNextPage && void list.fetchNextPage()} />}
      <Viewer digest={file} known={at < 0 ? undefined : all[at]} artifact={at < 0 || all[at] === undefined ? undefined : asFile(all[at])} onOpen={open} onClose={() => open(undefined)} onPrevious={at > 0 ? () => move(-1) : undefined} onNext={at >= 0 && at < all.length - 1 ? () => move(1) : undefined} />
    </Page>
  );
}
