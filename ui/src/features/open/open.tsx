import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { broughtAs } from "../../core/open.js";
import type { Artifact } from "../../core/values.js";
import { useBring } from "../../data/bring.js";
import { api, ask } from "../../data/host.js";
import { Skeleton } from "../../kit/empty.js";
import { DropZone } from "../../kit/drop-zone.js";
import { Drop } from "../../kit/file-field.js";
import { FileRow } from "../../kit/media.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Archive } from "./archive.js";
import { PipelineFile } from "./pipeline-file.js";
import { Uses } from "./uses.js";
import { Workflow } from "./workflow.js";

const route = getRouteApi("/open");

/** Open is a file that somebody brings: what it is, and what can be made of it. */
export function Open() {
  const { file, name } = route.useSearch();
  const { bring, now, cancel } = useBring();
  const found = useQuery({ queryKey: ["artifact", file], enabled: file !== undefined, queryFn: () => ask(api.GET("/api/v1/artifacts/{digest}/info", { params: { path: { digest: file ?? "" } } })) });
  const info = found.data;
  const artifact: Artifact | undefined = info && { digest: info.digest, mediaType: info.media_type, size: info.size, name: name ?? info.names[0] ?? info.digest.slice(0, 19) };
  return (
    <Drop onFiles={bring}>
      {(over) => (
        <Page title={t.open.title} head={<p className="text-muted">{t.open.lead}</p>}>
          <DropZone title={t.open.drop} text={t.open.kinds} over={over} now={now} onFile={(f) => bring([f])} onCancel={cancel} />
          {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
          {file !== undefined && found.isPending && <Skeleton className="h-64" />}
          {artifact !== undefined && (
            <>
              <FileRow artifact={artifact} />
              <Brought key={artifact.digest} artifact={artifact} />
            </>
          )}
        </Page>
      )}
    </Drop>
  );
}

function Brought({ artifact }: { artifact: Artifact }) {
  switch (broughtAs(artifact.name, artifact.mediaType)) {
    case "pipeline":
      return <PipelineFile artifact={artifact} />;
    case "workflow":
      return <Workflow artifact={artifact} />;
    case "media":
      return (
        <>
          <Workflow artifact={artifact} maybe />
          <Uses artifact={artifact} />
        </>
      );
    case "archive":
      return <Archive artifact={artifact} />;
    case "file":
      return <Uses artifact={artifact} />;
  }
}
