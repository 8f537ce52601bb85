import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Schemas } from "../../api/client.js";
import { graphOfPipeline } from "../../core/graph.js";
import { Section } from "../../kit/page.js";
import { t } from "../../strings.js";
import { Graph } from "../graph/graph.js";

/** PipelineGraph is what a pipeline declares; the type of a chosen node leads to what is known of it. */
export function PipelineGraph({ nodes }: { nodes: readonly Schemas["PipelineNode"][] }) {
  const [chosen, setChosen] = useState<string>();
  const graph = useMemo(() => graphOfPipeline(nodes), [nodes]);
  const node = nodes.find((n) => n.id === chosen && n.kind === "node");
  return (
    <Section
      title={t.graph.title}
      aside={
        node?.type && (
          <Link to="/node-types" search={{ type: node.type }} className="min-w-0 truncate text-accent hover:underline">
            {t.graph.about(node.type)}
          </Link>
        )
      }
    >
      <Graph graph={graph} selected={chosen} onSelect={setChosen} label={t.graph.title} snug className="h-96 max-h-[min(28rem,70vh)]" />
    </Section>
  );
}
